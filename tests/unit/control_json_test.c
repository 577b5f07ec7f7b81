#include <criterion/criterion.h>
#include <json-c/json.h>
#include <string.h>

#include "control/json/json.h"

/* In the value and, for what names something by a peer's word, in the key. */
Test(control_json, texts_are_json_whatever_bytes_they_have)
{
    struct json j = {0};
    char bytes[256];
    for (int i = 1; i < 256; i++)
        bytes[i - 1] = (char)i;
    bytes[255] = 0;
    json_open(&j, NULL, '{');
    json_text(&j, "bytes", bytes);
    json_text(&j, "a \"key\"\n", "two words, one \"quote\", a \\ and\nan end");
    json_chars(&j, "euro", "5 \xe2\x82\xac\0garbage", 13);
    json_chars(&j, "cut", "5 \xe2\x82\xac", 4);
    json_text(&j, "empty", "");
    json_close(&j, '}');
    json_line(&j);
    cr_assert(!j.failed);
    cr_assert_eq(memchr(j.text, '\n', j.used), j.text + j.used - 1, "one line");
    struct json_tokener *tokener = json_tokener_new();
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    struct json_object *o = json_tokener_parse_ex(tokener, j.text, (int)j.used), *v;
    cr_assert(o, "%.*s", (int)j.used, j.text);
    static const struct {
        const char *key, *value;
    } rows[] = {{"a \"key\"\n", "two words, one \"quote\", a \\ and\nan end"},
                {"euro", "5 \xe2\x82\xac"},
                {"cut", "5 \xc3\xa2\xc2\x82"}, /* its bytes as code points */
                {"empty", ""}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_assert(json_object_object_get_ex(o, rows[i].key, &v), "%s", rows[i].key);
        cr_expect_str_eq(json_object_get_string(v), rows[i].value);
    }
    cr_assert(json_object_object_get_ex(o, "bytes", &v));
    const unsigned char *at = (const unsigned char *)json_object_get_string(v);
    for (unsigned i = 1; i < 256; i++) { /* each came as the code point of its number */
        unsigned point = *at < 0x80 ? *at : (*at & 0x1fu) << 6 | (at[1] & 0x3fu);
        cr_expect_eq(point, i);
        at += *at < 0x80 ? 1 : 2;
    }
    cr_expect_eq(*at, 0);
    json_object_put(o);
    json_tokener_free(tokener);
    json_free(&j);
}
