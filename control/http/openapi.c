/* What this API is, as it stands in the tree beside this file. */
#include "control/http/inside.h"

__asm__(".section .rodata\n"
        ".global http_openapi_text\n"
        "http_openapi_text:\n"
        ".incbin \"" OPENAPI_FILE "\"\n"
        ".global http_openapi_end\n"
        "http_openapi_end:\n"
        ".byte 0\n"
        ".previous\n");
extern const char http_openapi_text[], http_openapi_end[];

void http_openapi(struct web_request *r)
{
    web_answer(r, 200, "application/json", http_openapi_text, (size_t)(http_openapi_end - http_openapi_text));
}
