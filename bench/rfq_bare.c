#include "bench/rfq_bare.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/bare_tcp.h"
#include "bench/bench.h"

#define MESSAGE_SIZE_MAX 4096u

/* The forwarder ----------------------------------------------------------------------------------------- */

static bool forward(struct bare *b, enum rfq_step step, unsigned from, unsigned first, unsigned count)
{
    uint8_t bytes[MESSAGE_SIZE_MAX];
    const struct rfq_sizes *s = &b->sizes[step];
    if (!bare_tcp_receive_all(b->far[from], bytes, s->in))
        return false;
    for (unsigned i = first; i < first + count; i++)
        if (!bare_tcp_send_all(b->far[i], bytes, s->out))
            return false;
    return true;
}

static bool tell_losers(struct bare *b, unsigned winner)
{
    static const uint8_t bytes[MESSAGE_SIZE_MAX];
    for (unsigned i = 1; i <= b->lps; i++)
        if (i != winner && !bare_tcp_send_all(b->far[i], bytes, b->sizes[STEP_LOST].out))
            return false;
    return true;
}

static bool forward_round(struct bare *b, unsigned winner)
{
    bool right = forward(b, STEP_REQUEST, 0, 1, b->lps);
    for (unsigned i = 1; right && i <= b->lps; i++)
        right = forward(b, STEP_QUOTE, i, 0, 1);
    return right && forward(b, STEP_ORDER, 0, winner, 1) && forward(b, STEP_EXECUTION, winner, 0, 1) &&
           tell_losers(b, winner);
}

static void *forwarder(void *arg)
{
    struct bare *b = arg;
    bench_pin(0);
    for (;;) {
        while (sem_wait(&b->go) != 0) {
        }
        if (b->stop)
            return NULL;
        for (unsigned i = 0; i < b->rounds && !b->failed; i++)
            b->failed = !forward_round(b, 1 + i % b->lps);
    }
}

/* The measuring side ------------------------------------------------------------------------------------ */

/* What came on socket i, less what nobody waits for. false: the peer is gone. */
static bool receive(struct bare *b, unsigned i, size_t *size)
{
    static uint8_t bytes[65536];
    ssize_t n = recv(b->near[i], bytes, sizeof bytes, MSG_DONTWAIT);
    *size = 0;
    if (n <= 0)
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    size_t paid = (size_t)n < b->due[i] ? (size_t)n : b->due[i];
    b->due[i] -= paid;
    *size = (size_t)n - paid;
    return true;
}

/* Looks at all sockets in turn until `count` of them from `first` on have each got `size` bytes; stamps[i]:
 * when the last of them came. */
static bool await(struct bare *b, unsigned first, unsigned count, size_t size, uint64_t *stamps)
{
    size_t got[HOUSE_LPS_MAX + 1] = {0}, more;
    for (unsigned done = 0; done < count;) {
        for (unsigned i = 0; i <= b->lps; i++) {
            if (!receive(b, i, &more) || (more && (i < first || i >= first + count)))
                return false;
            got[i] += more;
            if (more && got[i] == size) {
                stamps[i - first] = bench_stamp();
                done++;
            }
        }
    }
    return true;
}

static bool exchange(struct bare *b, enum rfq_step step, unsigned from, unsigned first, unsigned count,
                     uint64_t *sent, uint64_t *stamps)
{
    static const uint8_t bytes[MESSAGE_SIZE_MAX];
    *sent = bench_stamp();
    return bare_tcp_send_all(b->near[from], bytes, b->sizes[step].in) &&
           await(b, first, count, b->sizes[step].out, stamps);
}

static void record(struct histogram *h, bool counts, uint64_t from, uint64_t to)
{
    if (counts)
        histogram_record(h, bench_ns(from, to));
}

static bool conversation(struct bare *b, unsigned winner, uint64_t planned, bool counts, struct histogram *h)
{
    uint64_t sent, stamps[HOUSE_LPS_MAX];
    if (!exchange(b, STEP_REQUEST, 0, 1, b->lps, &sent, stamps))
        return false;
    record(&h[FIGURE_REQUEST], counts, planned, stamps[0]);
    if (b->lps > 1)
        record(&h[FIGURE_RELEASE], counts, stamps[0], stamps[b->lps - 1]);
    for (unsigned i = 1; i <= b->lps; i++) {
        if (!exchange(b, STEP_QUOTE, i, 0, 1, &sent, stamps))
            return false;
        record(&h[FIGURE_QUOTE], counts, sent, stamps[0]);
    }
    if (!exchange(b, STEP_ORDER, 0, winner, 1, &sent, stamps))
        return false;
    record(&h[FIGURE_ORDER], counts, sent, stamps[0]);
    for (unsigned i = 1; i <= b->lps; i++)
        b->due[i] += i == winner ? 0 : b->sizes[STEP_LOST].out;
    if (!exchange(b, STEP_EXECUTION, winner, 0, 1, &sent, stamps))
        return false;
    record(&h[FIGURE_EXECUTION], counts, sent, stamps[0]);
    return true;
}

bool bare_block(struct bare *b, unsigned rounds, unsigned warm, unsigned rate,
                struct histogram figures[FIGURES])
{
    struct bench_plan plan;
    b->rounds = rounds;
    sem_post(&b->go);
    bench_plan_start(&plan, rate);
    for (unsigned i = 0; i < rounds; i++)
        if (!conversation(b, 1 + i % b->lps, bench_plan_next(&plan), i >= warm, figures))
            return false;
    return !b->failed;
}

/* Life -------------------------------------------------------------------------------------------------- */

bool bare_open(struct bare *b, unsigned lps)
{
    int listener;
    struct sockaddr_in at;
    memset(b, 0, sizeof *b);
    b->lps = lps;
    if (bare_tcp_listen(&listener, &at) != OK)
        return false;
    bool right = true;
    for (unsigned i = 0; i <= lps && right; i++)
        right = bare_tcp_connect(&b->near[i], &at) == OK && bare_tcp_accept(&b->far[i], listener) == OK;
    close(listener);
    return right && sem_init(&b->go, 0, 0) == 0 && pthread_create(&b->thread, NULL, forwarder, b) == 0;
}

/* Closing the near ends ends a forwarder that waits for bytes. */
void bare_close(struct bare *b)
{
    for (unsigned i = 0; i <= b->lps; i++)
        close(b->near[i]);
    b->stop = true;
    sem_post(&b->go);
    pthread_join(b->thread, NULL);
    for (unsigned i = 0; i <= b->lps; i++)
        close(b->far[i]);
    sem_destroy(&b->go);
}
