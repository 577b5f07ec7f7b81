#include "bench/fan_hostile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/bare_tcp.h"
#include "bench/fan_token.h"

#define READ_SIZE 16384u
#define AT_ONCE   8u /* requests of one connection of the flood */

static const char small[] = "/healthz", page[] = "/api/v1/rfqs?limit=500";
static const char endless[] = "GET /healthz HTTP/1.1\r\nHost: a\r\nX-Slow: a";

/* Answers begin so; one whose begin was cut is found with the bytes behind it. */
static unsigned answers_in(char tail[16], const char *bytes, size_t size)
{
    static const char begin[] = "HTTP/1.1 200";
    const size_t wanted = sizeof begin - 1;
    char text[16 + READ_SIZE];
    size_t used = strlen(tail);
    unsigned count = 0;
    memcpy(text, tail, used);
    memcpy(text + used, bytes, size);
    used += size;
    for (const char *at = text; (at = memmem(at, (size_t)(text + used - at), begin, wanted)) != NULL;
         at += wanted)
        count++;
    size_t kept = used < wanted - 1 ? used : wanted - 1;
    memcpy(tail, text + used - kept, kept);
    tail[kept] = 0;
    return count;
}

static bool asks_pages(const struct hostile *h, unsigned i)
{
    return (i - h->slow) % 2 == 1;
}

static bool ask(struct hostile *h, unsigned i)
{
    char bytes[AT_ONCE * (FAN_TOKEN_SIZE + 128)];
    size_t used = 0;
    for (unsigned n = 0; n < AT_ONCE; n++)
        used += (size_t)snprintf(bytes + used, sizeof bytes - used,
                                 "GET %s HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n\r\n",
                                 asks_pages(h, i) ? page : small, h->token);
    h->due[i] = AT_ONCE;
    return bare_tcp_send_all(h->fds[i], bytes, used);
}

/* The last one is said again and again. */
static bool one_byte_more(struct hostile *h, unsigned i)
{
    size_t at = h->sent[i] < sizeof endless - 2 ? h->sent[i] : sizeof endless - 2;
    h->sent[i]++;
    return send(h->fds[i], endless + at, 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1;
}

/* Who was thrown out comes again. */
static bool again(struct hostile *h, unsigned i)
{
    close(h->fds[i]);
    if (bare_tcp_connect(&h->fds[i], &h->at) != OK) {
        h->fds[i] = -1;
        return false;
    }
    h->tail[i][0] = 0;
    h->sent[i] = 0;
    return i < h->slow || ask(h, i);
}

bool hostile_open(struct hostile *h, const struct sockaddr_in *at, const char *token, unsigned slow,
                  unsigned flood)
{
    *h = (struct hostile){.at = *at, .token = token, .slow = slow, .flood = flood};
    memset(h->fds, 0xff, sizeof h->fds);
    for (unsigned i = 0; i < slow + flood; i++)
        if (!again(h, i))
            return false;
    return true;
}

bool hostile_poll(struct hostile *h)
{
    char bytes[READ_SIZE];
    for (unsigned i = 0; i < h->slow + h->flood; i++) {
        ssize_t n = recv(h->fds[i], bytes, sizeof bytes, MSG_DONTWAIT);
        bool gone = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
        if (i < h->slow) {
            gone = gone || n > 0; /* 408 */
            h->thrown_out += gone;
            gone = gone || !one_byte_more(h, i);
        } else if (n > 0) {
            unsigned answers = answers_in(h->tail[i], bytes, (size_t)n);
            h->answered += answers;
            h->pages += asks_pages(h, i) ? answers : 0;
            h->due[i] -= answers < h->due[i] ? answers : h->due[i];
            gone = h->due[i] == 0 && !ask(h, i);
        }
        if (gone && !again(h, i))
            return false;
    }
    return true;
}

void hostile_close(struct hostile *h)
{
    for (unsigned i = 0; i < h->slow + h->flood; i++)
        if (h->fds[i] >= 0)
            close(h->fds[i]);
    h->slow = h->flood = 0;
}
