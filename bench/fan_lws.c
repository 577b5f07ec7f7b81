/* The libwebsockets server that rfqd's fan-out is compared with: what a text says that comes on /control goes
 * to everybody else, as the library's documentation wants it: a message lies in one place with room before it
 * for the frame's head (LWS_PRE), everybody is asked to be called when writable, and each call writes one.
 * No extensions; log off.
 *
 *     fan_lws [poll|uv|ev]      which loop waits; says «listening PORT» and runs until it is killed
 */
#include <libwebsockets.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define MESSAGES     64u /* that some may not have yet */
#define MESSAGE_SIZE 4096u

struct message {
    size_t size;
    unsigned char bytes[LWS_PRE + MESSAGE_SIZE];
};

struct receiver {
    uint64_t next; /* the message that it gets next */
    bool control;
};

static struct message messages[MESSAGES];
static uint64_t message_count;

/* A text may come in several parts, as it was read. */
static void take(struct lws *w, const void *bytes, size_t size)
{
    struct message *m = &messages[message_count % MESSAGES];
    if (lws_is_first_fragment(w))
        m->size = 0;
    if (size > MESSAGE_SIZE - m->size)
        return;
    memcpy(m->bytes + LWS_PRE + m->size, bytes, size);
    m->size += size;
    if (!lws_is_final_fragment(w))
        return;
    message_count++;
    lws_callback_on_writable_all_protocol(lws_get_context(w), lws_get_protocol(w));
}

static int give(struct lws *w, struct receiver *r)
{
    if (r->control || r->next == message_count)
        return 0;
    struct message *m = &messages[r->next++ % MESSAGES];
    if (lws_write(w, m->bytes + LWS_PRE, m->size, LWS_WRITE_TEXT) < (int)m->size)
        return -1;
    if (r->next < message_count)
        lws_callback_on_writable(w);
    return 0;
}

static int on_event(struct lws *w, enum lws_callback_reasons reason, void *user, void *in, size_t size)
{
    struct receiver *r = user;
    char path[32];
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
        r->next = message_count;
        r->control =
            lws_hdr_copy(w, path, sizeof path, WSI_TOKEN_GET_URI) > 0 && strcmp(path, "/control") == 0;
        return 0;
    case LWS_CALLBACK_RECEIVE:
        if (r->control)
            take(w, in, size);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return give(w, r);
    default:
        return 0;
    }
}

int main(int argc, char **argv)
{
    static const struct lws_protocols protocols[] = {{.name = "fan",
                                                      .callback = on_event,
                                                      .per_session_data_size = sizeof(struct receiver),
                                                      .rx_buffer_size = 65536},
                                                     {0}};
    struct lws_context_creation_info info = {.port = CONTEXT_PORT_NO_LISTEN_SERVER,
                                             .pt_serv_buf_size = 65536,
                                             .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS};
    if (argc > 1 && strcmp(argv[1], "uv") == 0)
        info.options |= LWS_SERVER_OPTION_LIBUV;
    if (argc > 1 && strcmp(argv[1], "ev") == 0)
        info.options |= LWS_SERVER_OPTION_LIBEV;
    lws_set_log_level(LLL_ERR, NULL);
    signal(SIGPIPE, SIG_IGN);
    struct lws_context *context = lws_create_context(&info);
    info.port = 0;
    info.iface = "127.0.0.1";
    info.protocols = protocols;
    struct lws_vhost *host = context ? lws_create_vhost(context, &info) : NULL;
    if (!host)
        return 1;
    printf("listening %d\n", lws_get_vhost_listen_port(host));
    fflush(stdout);
    while (lws_service(context, 0) >= 0) {
    }
    lws_context_destroy(context);
    return 0;
}
