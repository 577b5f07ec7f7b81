#include "dataplane/gateway/notice.h"

#include <string.h>

#include "dataplane/core/text.h"
#include "fix/fix_dict.h"

#define SECOND_NS 1000000000ull

static_assert((GATEWAY_NOTICES & (GATEWAY_NOTICES - 1)) == 0 && GATEWAY_NOTICES / 2 >= SESSIONS_MAX &&
                  GATEWAY_REFUSALS_PER_S < GATEWAY_NOTICES / 2,
              "a ring: a half for every session's reason, the other for the refusals of some seconds");

/* NULL: `most` places are taken already. The place is the caller's until put. */
static struct gateway_notice *place(struct notice_queue *q, uint64_t most)
{
    uint64_t tail = atomic_load_explicit(&q->tail, memory_order_relaxed);
    /* Pairs with notice_take: who took it has read it. */
    if (tail - atomic_load_explicit(&q->head, memory_order_acquire) >= most) {
        counter_add(q->lost, 1);
        return NULL;
    }
    struct gateway_notice *n = &q->places[tail & (GATEWAY_NOTICES - 1)];
    memset(n, 0, sizeof *n);
    return n;
}

static void put(struct notice_queue *q)
{
    uint64_t tail = atomic_load_explicit(&q->tail, memory_order_relaxed);
    atomic_store_explicit(&q->tail, tail + 1, memory_order_release); /* pairs with notice_take */
}

bool notice_take(struct notice_queue *q, struct gateway_notice *out)
{
    uint64_t head = atomic_load_explicit(&q->head, memory_order_relaxed);
    if (head == atomic_load_explicit(&q->tail, memory_order_acquire)) /* pairs with put */
        return false;
    *out = q->places[head & (GATEWAY_NOTICES - 1)];
    atomic_store_explicit(&q->head, head + 1, memory_order_release); /* pairs with place */
    return true;
}

static bool is_control(char c)
{
    return (unsigned char)c < ' ' || c == 0x7f;
}

static void add_text(char *out, size_t size, const char *text, size_t text_size)
{
    size_t used = strlen(out);
    for (size_t i = 0; i < text_size && used + 1 < size; i++)
        out[used++] = (char)(is_control(text[i]) ? '?' : text[i]);
    out[used] = 0;
}

void notice_add_field(char *out, size_t size, const struct fix_msg *m, uint32_t tag)
{
    const struct fix_field *f = fix_find(m, tag);
    if (f)
        add_text(out, size, fix_value(m, f), f->size);
}

void notice_upkeep(struct notice_queue *q, uint64_t now_ns)
{
    if (!q->left_out || now_ns < q->second_ns)
        return;
    struct gateway_notice *n = place(q, GATEWAY_NOTICES);
    if (!n)
        return;
    n->kind = GATEWAY_REFUSALS_LEFT_OUT;
    n->count = q->left_out;
    q->left_out = 0;
    put(q);
}

void notice_refused(struct notice_queue *q, uint64_t now_ns, const struct sockaddr_in *peer,
                    const struct fix_msg *m, const char *text)
{
    if (now_ns >= q->second_ns) {
        notice_upkeep(q, now_ns);
        q->second_ns = now_ns + SECOND_NS;
        q->refusals = 0;
    }
    if (q->refusals == GATEWAY_REFUSALS_PER_S) {
        q->left_out++;
        return;
    }
    struct gateway_notice *n = place(q, GATEWAY_NOTICES / 2);
    if (!n)
        return;
    q->refusals++;
    n->kind = GATEWAY_LOGON_REFUSED;
    n->peer = *peer;
    if (m) {
        notice_add_field(n->sender, sizeof n->sender, m, FIX_TAG_SenderCompID);
        notice_add_field(n->target, sizeof n->target, m, FIX_TAG_TargetCompID);
    }
    add_text(n->text, sizeof n->text, text, strlen(text));
    put(q);
}

void notice_down(struct notice_queue *q, uint32_t session, bool planned, const char *text)
{
    struct gateway_notice *n = place(q, GATEWAY_NOTICES);
    if (!n)
        return;
    n->kind = GATEWAY_WENT_DOWN;
    n->session = session;
    n->planned = planned;
    add_text(n->text, sizeof n->text, text, strlen(text));
    put(q);
}
