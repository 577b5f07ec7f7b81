/* How much of one poll the answers of many rows may take together. */
#include "control/http/inside.h"

bool http_rows_begin(struct web_request *r)
{
    struct http *h = http_of(r);
    if (h->rows_poll != web_poll_number(r)) {
        h->rows_poll = web_poll_number(r);
        h->rows_left += HTTP_ROWS_PER_POLL;
        if (h->rows_left > HTTP_ROWS_PER_POLL)
            h->rows_left = HTTP_ROWS_PER_POLL;
    }
    if (h->rows_left > 0)
        return true;
    http_rows_again(r);
    return false;
}

void http_rows_again(struct web_request *r)
{
    counter_add(http_of(r)->put_off, 1);
    web_again(r);
}

void http_rows_spend(const struct web_request *r, unsigned rows)
{
    struct http *h = http_of(r);
    counter_add(h->rows, rows);
    h->rows_left -= rows;
}
