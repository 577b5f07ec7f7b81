/* Frames and requests from a WebSocket client with a good token to the whole front of a node: never a crash,
 * and all that comes back are whole frames, texts of them JSON objects. In the input the byte 0x02 stands for
 * an RFQ that is there; 0x03 ends a part, which is sent as one masked text frame, or, where it begins with
 * 0x04, as the bytes that it is.
 */
#include <json-c/json.h>

#include "tests/fuzz/fuzz_front.h"

const struct fuzz_seed fuzz_corpus[] = {
    FUZZ_SEED("{\"op\":\"subscribe:rfq\",\"id\":1,\"rfqId\":\"\x02\"}\x03{\"op\":\"unsubscribe:rfq\",\"id\":"
              "\"a\",\"rfqId\":\"\x02\"}"),
    FUZZ_SEED("{\"op\":\"subscribe:trader\",\"id\":1,\"traderId\":\"root\"}\x03{\"op\":\"subscribe:tenant\","
              "\"id\":2}"),
    FUZZ_SEED("{\"op\":\"resume\",\"id\":1,\"epoch\":1,\"since\":1,\"tenant\":true,\"rfqs\":[\"\x02\"],"
              "\"traders\":[\"root\"]}\x03{\"op\":\"ping\"}"),
    FUZZ_SEED("{\"op\":\"rfq.create\",\"id\":1,\"key\":\"k\",\"symbol\":\"EURUSD\",\"side\":\"buy\","
              "\"quantity\":\"1000\",\"timeoutMs\":5000}"),
    FUZZ_SEED("{\"op\":\"rfq.extend\",\"rfqId\":\"\x02\",\"reason\":\"more\",\"extendMs\":1000}\x03{\"op\":"
              "\"rfq.cancel\",\"rfqId\":\"\x02\",\"reason\":\"lp_issue\"}"),
    FUZZ_SEED("{\"op\":\"rfq.accept\",\"rfqId\":\"\x02\",\"quoteId\":\"Q1\",\"side\":\"buy\",\"price\":1.5}"),
    FUZZ_SEED("{\"op\":\"auth\",\"id\":1,\"token\":\"a.b.c\"}\x03[]\x03null\x03{\"op\":7}"),
    FUZZ_SEED("\x04\x01\x82\x00\x00\x00\x00{}"
              "\x03\x04\x80\x80\x00\x00\x00\x00\x03\x04\x88\x82\x00\x00\x00\x00\x03\xe8"),
    FUZZ_SEED("\x04\x89\x80\x00\x00\x00\x00\x03\x04\x81\x02{}\x03\x04\xf1\x80\x00\x00\x00\x00"),
};
const unsigned fuzz_corpus_count = sizeof fuzz_corpus / sizeof fuzz_corpus[0];
const char *const fuzz_tokens[] = {"\x02",       "\x03",       "\x04",         "\x04\x81\xfe\xff\xff",
                                   "\"id\":",    "\"op\":\"",  "\"rfqId\":\"", "\"since\":",
                                   "\"epoch\":", "subscribe:", "unsubscribe:", "18446744073709551615",
                                   "[[[[[[[[[[", "\\u0000",    "\xff",         NULL};

static const char handshake[] =
    "GET /rfq HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";

/* One part as it is sent: as it is, or in a frame. The mask is zero. */
static size_t make_part(const uint8_t *data, size_t size, char *out, size_t room)
{
    static char text[65536];
    size_t used = 0;
    bool raw = size > 0 && data[0] == 4;
    for (size_t i = raw; i < size; i++) {
        const char *more = data[i] == 2 ? house.rfq : (const char *)&data[i];
        size_t length = data[i] == 2 ? strlen(house.rfq) : 1;
        if (used + length > sizeof text)
            break;
        memcpy(text + used, more, length);
        used += length;
    }
    size_t head = raw ? 0 : used < 126 ? 6 : 8;
    if (head + used > room)
        return 0;
    if (!raw) {
        memset(out, 0, head);
        out[0] = (char)0x81;
        out[1] = (char)(0x80 | (used < 126 ? used : 126));
        if (used >= 126) {
            out[2] = (char)(used >> 8);
            out[3] = (char)used;
        }
    }
    memcpy(out + head, text, used);
    return head + used;
}

/* What the server sent behind its answer to the handshake. */
static void check_frames(const char *bytes, size_t size)
{
    while (size >= 2) {
        unsigned opcode = (unsigned char)bytes[0] & 15u, first = (unsigned char)bytes[1], head = 2;
        uint64_t length = first & 127u;
        FUZZ_HOLDS((bytes[0] & 0xf0) == 0x80 || opcode < 8); /* control frames are whole */
        FUZZ_HOLDS(!(first & 128u));                         /* a server masks nothing */
        if (length == 126)
            head = 4;
        else if (length == 127)
            head = 10;
        if (size < head)
            return;
        if (head > 2)
            length = 0;
        for (unsigned i = 2; i < head; i++)
            length = length << 8 | (unsigned char)bytes[i];
        if (size < head + length)
            return; /* the last one was cut off */
        if (opcode == 1) {
            json_tokener *t = json_tokener_new();
            json_object *o = json_tokener_parse_ex(t, bytes + head, (int)length);
            FUZZ_HOLDS(o && json_object_is_type(o, json_type_object) &&
                       json_tokener_get_parse_end(t) == length);
            json_object_put(o);
            json_tokener_free(t);
        }
        bytes += head + length;
        size -= head + length;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char part[65536 + 16], answer[1 << 20];
    size_t got = 0;
    uint32_t conn = house_connect(answer, &got, sizeof answer);
    int head = snprintf(part, sizeof part, "%sAuthorization: Bearer %s\r\n\r\n", handshake, house.token);
    bool open = house_send(conn, part, (size_t)head, answer, &got, sizeof answer);
    const char *end = NULL; /* of the handshake's answer, which may come in pieces */
    for (unsigned i = 0; i < 50 && open && !(end = memmem(answer, got, "\r\n\r\n", 4)); i++)
        open = house_send(conn, NULL, 0, answer, &got, sizeof answer);
    FUZZ_HOLDS(open && end && got >= 13 && memcmp(answer, "HTTP/1.1 101 ", 13) == 0);
    size_t frames = (size_t)(end + 4 - answer);
    for (size_t at = 0; at < size && open;) {
        const uint8_t *cut = memchr(data + at, 3, size - at);
        size_t length = cut ? (size_t)(cut - data) - at : size - at;
        size_t made = make_part(data + at, length, part, sizeof part);
        open = house_send(conn, part, made, answer, &got, sizeof answer);
        at += length + (cut != NULL);
    }
    check_frames(answer + frames, got - frames);
    house_leave(conn, answer, &got, sizeof answer);
    return 0;
}
