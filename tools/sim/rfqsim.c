/* rfqsim: simulated LPs and takers over real FIX, any number of them in one process.
 *
 *     rfqsim [--seconds N] [--linger] DIRECTORY PARTY…
 *
 * Ends when all takers have seen the end of their requests (LPs alone: at SIGTERM or after --seconds), logs
 * out, prints a line of JSON for each party. SIGUSR1: takers ask no more; what was asked goes on to its end.
 * Exit 0: all that was asked was answered, all that a script expects came; 1: something was missing, or a
 * party never logged on; 2: usage, or a script with errors.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/core/clock.h"
#include "tools/sim/party.h"
#include "tools/sim/script.h"

#define LOGOUT_NS     2000000000ull
#define IDLE_YIELDS   200
#define IDLE_SLEEP_US 50

static atomic_bool stop_wanted, no_more_wanted;

static void on_signal(int number)
{
    atomic_store(number == SIGUSR1 ? &no_more_wanted : &stop_wanted, true);
}

static int usage(FILE *to, int code)
{
    fprintf(to,
            "usage: rfqsim [--seconds N] [--linger] DIRECTORY PARTY...\n"
            "PARTY: lp:name=LP1,connect=ADDR:PORT | taker:name=T1,connect=ADDR:PORT, and options:\n"
            "  both   target=RFQD seed=1 listen=ADDR:PORT (instead of connect)\n"
            "  lp     mid=1.1 spread=0.0002 tick=0.00001 delay_us=200 delay_max_us=400 valid_ms=0 ack=b|i|-\n"
            "         percent: reject silent requote quote_repeat quote_withdraw order_reject order_silent "
            "partial\n"
            "         late_fill exec_repeat peer_reject\n"
            "  taker  rate=10 count=0 deadline_ms=5000 start_ms=0 quotes=1 collect_ms=200 accept=a|d|x|-\n"
            "         symbol=EURUSD patience_ms=20000 quantity=1000000 (to which each request adds a "
            "multiple of 1000)\n"
            "         percent: two_way withdraw pass cancel again peer_reject\n"
            "         script=FILE: says and expects what the file says, instead of asking at a rate\n"
            "--linger: stay after the takers are done, and say so, until SIGTERM. Journals: "
            "DIRECTORY/<name>.journal\n"
            "SIGUSR1: the takers ask no more, and see what they asked to its end.\n");
    if (code == 0) {
        fprintf(to, "A script is a step a line; # begins a comment:\n");
        script_usage(to);
    }
    return code;
}

struct world {
    struct party *parties[PARTIES_MAX];
    unsigned count;
    bool takers;
    struct port *port;
};

static unsigned round_of(struct world *w, uint64_t now_ns)
{
    struct port_event events[PORT_EVENTS_MAX];
    unsigned n = port_poll(w->port, events, PORT_EVENTS_MAX);
    for (unsigned i = 0; i < n; i++)
        endpoint_event((struct endpoint *)(uintptr_t)events[i].tag, &events[i], now_ns);
    for (unsigned i = 0; i < w->count; i++)
        n += party_poll(w->parties[i], now_ns);
    return n;
}

static bool all_done(const struct world *w)
{
    for (unsigned i = 0; i < w->count; i++)
        if (!party_done(w->parties[i]))
            return false;
    return w->takers;
}

static void run(struct world *w, uint64_t seconds, bool linger)
{
    unsigned idle = 0;
    uint64_t end_ns = seconds ? clock_now_ns() + seconds * 1000000000ull : UINT64_MAX;
    bool done = false;
    for (;;) {
        uint64_t now_ns = clock_now_ns();
        if (linger && !done && all_done(w)) {
            done = true;
            fprintf(stderr, "rfqsim: takers are done\n");
        }
        if (atomic_load_explicit(&stop_wanted, memory_order_relaxed) || now_ns >= end_ns ||
            (!linger && all_done(w)))
            break;
        if (atomic_exchange_explicit(&no_more_wanted, false, memory_order_relaxed))
            for (unsigned i = 0; i < w->count; i++)
                party_ask_no_more(w->parties[i]);
        if (round_of(w, now_ns))
            idle = 0;
        else if (++idle < IDLE_YIELDS)
            sched_yield();
        else
            usleep(IDLE_SLEEP_US); /* the appliance needs the processor more than we do */
    }
    uint64_t logout_ns = clock_now_ns() + LOGOUT_NS;
    for (unsigned i = 0; i < w->count; i++)
        endpoint_logout(party_endpoint(w->parties[i]), clock_now_ns());
    bool up = true;
    while (up && clock_now_ns() < logout_ns) {
        up = false;
        round_of(w, clock_now_ns());
        for (unsigned i = 0; i < w->count; i++)
            up |= party_endpoint(w->parties[i])->conn != PORT_CONN_NONE;
    }
}

/* One that had nothing to ask any more need not. */
static bool all_logged_on(const struct world *w)
{
    bool fine = true;
    for (unsigned i = 0; i < w->count && !all_done(w); i++) {
        const struct endpoint *e = party_endpoint(w->parties[i]);
        if (e->was_up)
            continue;
        fprintf(stderr,
                "rfqsim: %s never logged on: is the other side there, and does it know %s as a peer of %s?\n",
                e->config.fix.sender, e->config.fix.sender, e->config.fix.target);
        fine = false;
    }
    return fine;
}

static struct {
    bool is_lp;
    struct party_options options;
} planned[PARTIES_MAX];

/* All of them, scripts too, before any is opened. */
static bool plan(char **texts, unsigned count)
{
    bool fine = true;
    for (unsigned p = 0; p < count; p++) {
        char why[128];
        if (!party_parse(texts[p], &planned[p].is_lp, &planned[p].options, why, sizeof why)) {
            fprintf(stderr, "rfqsim: %s\n", why);
            fine = false;
        } else if (planned[p].options.script[0]) {
            struct script *s = scripted_load(planned[p].options.script);
            fine &= s != NULL;
            free(s);
        }
    }
    return fine;
}

int main(int argc, char **argv)
{
    static struct world w;
    uint64_t seconds = 0;
    bool linger = false;
    int i = 1;
    for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
        if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc)
            seconds = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--linger") == 0)
            linger = true;
        else
            return usage(strcmp(argv[i], "--help") == 0 ? stdout : stderr,
                         strcmp(argv[i], "--help") == 0 ? 0 : 2);
    }
    if (argc - i < 2 || argc - i - 1 > PARTIES_MAX)
        return usage(stderr, 2);
    const char *directory = argv[i++];
    unsigned count = (unsigned)(argc - i);
    if (!plan(argv + i, count))
        return 2;
    if (mkdir(directory, 0755) != 0 && errno != EEXIST) {
        fprintf(stderr, "rfqsim: %s: %s\n", directory, strerror(errno));
        return 1;
    }
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    clock_init();
    if (port_uring_create(&w.port, PARTIES_MAX * 4) != OK) {
        fprintf(stderr, "rfqsim: io_uring: %s\n", strerror(errno));
        return 1;
    }
    for (unsigned p = 0; p < count; p++) {
        w.parties[p] = party_open(planned[p].is_lp, &planned[p].options, directory, w.port);
        if (!w.parties[p])
            return 1;
        w.count++;
        w.takers |= !planned[p].is_lp;
    }
    run(&w, seconds, linger);
    bool fine = all_logged_on(&w);
    for (unsigned p = 0; p < w.count; p++) {
        party_print(w.parties[p], stdout);
        fine &= party_fine(w.parties[p]);
        party_close(w.parties[p]);
    }
    port_destroy(w.port);
    return fine ? 0 : 1;
}
