/* Mailbox: one request at a time from another thread to an agent, and its answer: what an operator asks of
 * the agent that owns a thing. What is asked lies beside the box, and belongs to the side whose turn it is.
 *
 *   asker                              the agent, in its poll
 *   mailbox_free → fill → mailbox_ask
 *                                      mailbox_asked → act, over as many polls as it takes → mailbox_answer
 *   mailbox_answered → read → mailbox_close
 *
 * One asker. An answer that nobody has read is in nobody's way: mailbox_free is true then too. Each poll of
 * the agent costs one load of a line that hardly ever changes.
 */
#ifndef RFQD_CORE_MAILBOX_H
#define RFQD_CORE_MAILBOX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum mailbox_turn { MAILBOX_FREE, MAILBOX_ASKED, MAILBOX_ANSWERED };

struct mailbox {
    _Alignas(
        64) _Atomic uint32_t turn; /* enum mailbox_turn: each side's release pairs with the other's acquire */
};

static inline bool mailbox_free(struct mailbox *m)
{
    return atomic_load_explicit(&m->turn, memory_order_acquire) != MAILBOX_ASKED;
}
static inline void mailbox_ask(struct mailbox *m)
{
    atomic_store_explicit(&m->turn, MAILBOX_ASKED, memory_order_release);
}
static inline bool mailbox_asked(struct mailbox *m)
{
    return atomic_load_explicit(&m->turn, memory_order_acquire) == MAILBOX_ASKED;
}
static inline void mailbox_answer(struct mailbox *m)
{
    atomic_store_explicit(&m->turn, MAILBOX_ANSWERED, memory_order_release);
}
static inline bool mailbox_answered(struct mailbox *m)
{
    return atomic_load_explicit(&m->turn, memory_order_acquire) == MAILBOX_ANSWERED;
}
static inline void mailbox_close(struct mailbox *m)
{
    atomic_store_explicit(&m->turn, MAILBOX_FREE, memory_order_release);
}

#endif
