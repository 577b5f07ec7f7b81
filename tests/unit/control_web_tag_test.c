/* Entity tags: what the asker says it has, against what there is. */
#include "web_harness.h"

/* RFC 9110: a list of tags, weakly compared; a comma may stand in one; «*» stands alone. */
Test(control_web_tag, finds_a_tag_in_a_list)
{
    static const struct {
        const char *list, *tag;
        bool is_listed;
    } cases[] = {
        {"\"a\"", "\"a\"", true},
        {"W/\"a\"", "\"a\"", true},
        {"\"a\"", "W/\"a\"", true},
        {"W/\"a\"", "W/\"a\"", true},
        {"\"b\", \"a\"", "\"a\"", true},
        {"\"b\",W/\"a\" , \"c\"", "\"a\"", true},
        {" ,, \t\"a\" ", "\"a\"", true},
        {"\"x,a\"", "\"x,a\"", true},
        {"\"x,\"a\"", "\"a\"", false},
        {"*", "\"a\"", true},
        {" * ", "\"a\"", true},
        {"*, \"b\"", "\"a\"", false},
        {"\"*\"", "\"a\"", false},
        {"\"b\", *", "\"a\"", false},
        {"", "\"a\"", false},
        {"\"\"", "\"\"", true},
        {"\"\"", "\"a\"", false},
        {"a", "\"a\"", false},
        {"\"a", "\"a\"", false},
        {"\"A\"", "\"a\"", false},
        {"w/\"a\"", "\"a\"", false},
        {"\"aa\"", "\"a\"", false},
        {"\"b\"\"a\"", "\"a\"", false},
        {"\"a\"x", "\"a\"", true},
        {"b, \"a\"", "\"a\"", false},
        {"W/", "\"a\"", false},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_assert_eq(web_tag_listed(cases[i].list, cases[i].tag), cases[i].is_listed, "%s in %s",
                     cases[i].tag, cases[i].list);
}

/* A list in several lines is one list. */
Test(control_web_tag, looks_for_a_tag_in_every_line_of_the_list)
{
    struct harness h;
    harness_open(&h);
    struct client *c = harness_connect(&h);
    harness_send(&h, c,
                 "GET /tagged HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"b\"\r\nIf-None-Match: \"a\"\r\n\r\n");
    cr_assert_eq(harness_count(c->received, "HTTP/1.1 304"), 1);
    harness_send(&h, c, "GET /tagged HTTP/1.1\r\nHost: a\r\nIf-Match: \"a\"\r\nIf-None-Match: \"b\"\r\n\r\n");
    harness_send(&h, c, "GET /tagged HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert_eq(harness_count(c->received, "HTTP/1.1 200"), 2);
    harness_close(&h);
}
