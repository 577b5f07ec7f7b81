/* Bytes from a client to the whole front of a node: never a crash, and every answer is HTTP. In the input the
 * byte 0x01 stands for the header with a good token, 0x02 for an RFQ that is there, and 0x03 for a cut: what
 * is behind it is sent later.
 */
#include "tests/fuzz/fuzz_front.h"

#define HOST "Host: a\r\n\x01"
#define RFQ  "{\"symbol\":\"EURUSD\",\"side\":\"buy\",\"quantity\":\"1000\",\"timeoutMs\":5000}"

const struct fuzz_seed fuzz_corpus[] = {
    FUZZ_SEED("POST /api/v1/rfqs HTTP/1.1\r\n" HOST "Content-Type: application/json\r\nIdempotency-Key: a\r\n"
              "Content-Length: 67\r\n\r\n" RFQ),
    FUZZ_SEED("GET /api/v1/rfqs?status=quoted,rejected&symbol=EURUSD&limit=3 HTTP/1.1\r\n" HOST "\r\n"),
    FUZZ_SEED("GET /api/v1/rfqs/\x02 HTTP/1.1\r\n" HOST "If-None-Match: \"a\", W/\"b\", *\r\n\r\n"
              "GET /api/v1/rfqs/\x02/events HTTP/1.1\r\n" HOST "\r\n"
              "GET /api/v1/rfqs/\x02/quotes HTTP/1.1\r\n" HOST "\r\n"),
    FUZZ_SEED("POST /api/v1/rfqs/\x02/cancel HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n"
              "Content-Type: application/json\r\n\r\n2\r\n{}\r\n0\r\n\r\n\x03GET /healthz HTTP/1.0\r\n\r\n"),
    FUZZ_SEED("GET /api/v1/events?from=0&to=99&type=rfq.created&rfqId=\x02 HTTP/1.1\r\n" HOST "\r\n"),
    FUZZ_SEED("GET /rfq HTTP/1.1\r\n" HOST
              "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
              "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n\x03\x81\x83\x00\x00\x00\x00{}\n"),
    FUZZ_SEED("OPTIONS /api/v1/orders HTTP/1.1\r\nHost: a\r\nOrigin: https://a\r\n\r\nHEAD /metrics "
              "HTTP/1.1\r\nHost: "
              "a\r\n\r\n"),
};
const unsigned fuzz_corpus_count = sizeof fuzz_corpus / sizeof fuzz_corpus[0];
const char *const fuzz_tokens[] = {"\r\n",
                                   "\x01",
                                   "\x02",
                                   "\x03",
                                   "HTTP/1.1",
                                   "Content-Length: ",
                                   "Expect: 100-continue\r\n",
                                   "Transfer-Encoding: chunked\r\n",
                                   "Connection: close\r\n",
                                   "0\r\n\r\n",
                                   "%2F",
                                   "%00",
                                   "GET ",
                                   "POST ",
                                   "&cursor=",
                                   "?limit=",
                                   "/accept",
                                   "/extend",
                                   "{\"quoteId\":\"Q1\"}",
                                   NULL};

static size_t expand(const uint8_t *data, size_t size, char *out, size_t room)
{
    size_t used = 0;
    for (size_t i = 0; i < size; i++) {
        char one[2] = {(char)data[i], 0}, header[600];
        const char *text = one;
        size_t length = 1;
        if (data[i] == 1) {
            length = (size_t)snprintf(header, sizeof header, "Authorization: Bearer %s\r\n", house.token);
            text = header;
        } else if (data[i] == 2) {
            text = house.rfq;
            length = strlen(text);
        }
        if (used + length > room)
            break;
        memcpy(out + used, text, length);
        used += length;
    }
    return used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char bytes[65536], answer[1 << 20];
    size_t got = 0;
    uint32_t conn = house_connect(answer, &got, sizeof answer);
    size_t total = expand(data, size, bytes, sizeof bytes);
    bool open = true;
    for (size_t at = 0; at < total && open;) {
        const char *cut = memchr(bytes + at, 3, total - at);
        size_t part = cut ? (size_t)(cut - bytes) - at : total - at;
        open = house_send(conn, bytes + at, part, answer, &got, sizeof answer);
        at += part + (cut != NULL);
    }
    FUZZ_HOLDS(got == 0 || (got >= 13 && memcmp(answer, "HTTP/1.1 ", 9) == 0));
    house_leave(conn, answer, &got, sizeof answer);
    return 0;
}
