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
