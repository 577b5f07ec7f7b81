#include "dataplane/core/text.h"

size_t text_utf8_size(const char *bytes, size_t size)
{
    unsigned char first = (unsigned char)bytes[0];
    size_t wanted = first >= 0xc2 && first < 0xe0   ? 2
                    : first >= 0xe0 && first < 0xf0 ? 3
                    : first >= 0xf0 && first < 0xf5 ? 4
                                                    : 0;
    if (!wanted || wanted > size)
        return 0;
    for (size_t i = 1; i < wanted; i++)
        if (((unsigned char)bytes[i] & 0xc0) != 0x80)
            return 0;
    unsigned char second = (unsigned char)bytes[1];
    bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
    bool surrogate = first == 0xed && second >= 0xa0, beyond = first == 0xf4 && second >= 0x90;
    return overlong || surrogate || beyond ? 0 : wanted;
}

size_t text_json_plain(const char *bytes, size_t size)
{
    size_t at = 0;
    while (at < size) {
        unsigned char c = (unsigned char)bytes[at];
        bool stands = c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
        size_t taken = c >= 0x80 ? text_utf8_size(bytes + at, size - at) : stands;
        if (!taken)
            break;
        at += taken;
    }
    return at;
}

size_t text_json_escape(char c, char out[TEXT_JSON_ESCAPE_MAX])
{
    static const char hex[] = "0123456789abcdef";
    out[0] = '\\';
    if (c == '"' || c == '\\') {
        out[1] = c;
        return 2;
    }
    memcpy(out + 1, "u00", 3);
    out[4] = hex[(unsigned char)c >> 4];
    out[5] = hex[c & 15];
    return TEXT_JSON_ESCAPE_MAX;
}
