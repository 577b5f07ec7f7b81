/* rfqbench beside: the way of an RFQ through rfqd, with and without many clients beside it.
 *
 * Two whole rfqds (rfq_run.h), the same in everything; one has WebSocket clients: idle ones, who hear
 * heartbeats only, and busy ones, who are subscribed to everything and read it; and such as mean no good
 * (fan_hostile.h). They have their turn in blocks, the other one stopped (SIGSTOP). The clients are served by
 * the control core, which is not the gateway's; they, and the measuring thread, have what is left of the
 * CPUs.
 *
 * With two CPUs the measuring thread shares its own with the control core and with all clients. So that their
 * work is not taken for rfqd's, times are from the send(2) of one message until the kernel had the answer for
 * its receiver, which is the sender's doing: all of it on the first CPU, none of it a wait for the second.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/fan_crowd.h"
#include "bench/fan_hostile.h"
#include "bench/rfq_run.h"

#define IDLE      10000u
#define BUSY      1000u
#define SLOW      200u
#define FLOOD     20u
#define TINY_PART 500u /* of them, with --tiny */
#define RATE      50u
#define LPS       2u
#define BLOCKS    10u
#define SPARE     64u /* connections: who was thrown out is back before it is forgotten */
#define BLOCK_MIN 10u
#define ALIKE_NS  20000000000ull
#define QUIET_NS  300000000ull /* nothing came for so long: all is read */
#define HEAR_MS   2

enum side { ALONE, BESIDE, SIDES };
static const char *const sides[SIDES] = {"alone", "beside clients"};

/* What the clients' process tells, in memory that it shares with us. */
struct told {
    uint64_t events;               /* to all busy ones */
    uint64_t thrown_out, answered, pages; /* of those who mean no good */
    char failure[420];
};

struct beside {
    unsigned idle, busy, slow, flood;
    struct rfq_run runs[SIDES];
    uint64_t memory[SIDES]; /* KiB, resident */
    pid_t clients;
    int line;
    struct told *told;
};

/* The clients' process ---------------------------------------------------------------------------------- */

static struct crowd idle, busy;
static struct hostile hostile;

static bool open_clients(const struct beside *b)
{
    const struct house *h = &b->runs[BESIDE].house;
    const struct crowd_target listener = {.at = h->http_at,
                                          .path = "/rfq",
                                          .token = h->token,
                                          .hello = "{\"op\":\"subscribe:tenant\",\"id\":1}"};
    const struct crowd_target sleeper = {.at = h->http_at, .path = "/rfq", .token = h->token};
    bool right = crowd_open(&busy, &listener, b->busy) && crowd_open(&idle, &sleeper, b->idle) &&
                 hostile_open(&hostile, &h->http_at, h->token, b->slow, b->flood);
    busy.wait_ms = HEAR_MS;
    right = right && crowd_settle(&busy, QUIET_NS);
    for (unsigned i = 0; i < busy.count; i++) /* what came before all had subscribed came to some of them */
        busy.members[i].got = 0;
    return right;
}

/* Everybody who listens got the same events, to the same last one. */
static bool all_alike(void)
{
    const struct crowd_member *first = &busy.members[0];
    for (unsigned i = 1; i < busy.count; i++)
        if (busy.members[i].got != first->got || busy.members[i].seq != first->seq)
            return false;
    return first->got > 0;
}

/* All that is still to come has come. */
static bool read_all(void)
{
    uint64_t until_ns = clock_now_ns() + ALIKE_NS;
    do {
        if (!crowd_settle(&busy, QUIET_NS) || !crowd_settle(&idle, QUIET_NS))
            return false;
    } while (!all_alike() && clock_now_ns() < until_ns);
    if (!all_alike())
        snprintf(busy.failure, sizeof busy.failure, "some have got events that others have not");
    return all_alike();
}

static bool read_on(void)
{
    unsigned work;
    return crowd_poll(&busy, &work) && crowd_poll(&idle, &work) && hostile_poll(&hostile);
}

static void clients_run(struct beside *b, int line)
{
    char command;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    bench_unpin();
    bench_pin(bench_cpu(2) >= 0 ? 2 : 1);
    bool right = open_clients(b);
    (void)!write(line, right ? "y" : "n", 1);
    while (right && recv(line, &command, 1, MSG_DONTWAIT) < 0)
        right = read_on();
    b->told->thrown_out = hostile.thrown_out;
    b->told->answered = hostile.answered;
    b->told->pages = hostile.pages;
    hostile_close(&hostile);
    right = right && read_all();
    if (right && b->flood && (hostile.pages == 0 || hostile.pages == hostile.answered)) {
        snprintf(busy.failure, sizeof busy.failure,
                 "of what the flood asked, pages or the rest were not answered");
        right = false;
    }
    b->told->events = busy.taken;
    snprintf(b->told->failure, sizeof b->told->failure, "%s%s", busy.failure, idle.failure);
    (void)!write(line, right ? "y" : "n", 1);
    _exit(0);
}

static bool hear(struct beside *b)
{
    char byte = 'n';
    bool right = read(b->line, &byte, 1) == 1 && byte == 'y';
    if (!right)
        fprintf(stderr, "rfqbench: clients: %s\n", b->told->failure);
    return right;
}

static bool gather_clients(struct beside *b)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return false;
    fflush(stdout);
    b->clients = fork();
    if (b->clients == 0) {
        close(ends[0]);
        clients_run(b, ends[1]);
    }
    close(ends[1]);
    b->line = ends[0];
    return b->clients > 0 && hear(b);
}

/* They read what is still to come. */
static bool ask_clients(struct beside *b)
{
    return write(b->line, "e", 1) == 1 && hear(b);
}

/* Both sides -------------------------------------------------------------------------------------------- */

static uint64_t resident_kib(pid_t pid)
{
    char path[64], line[256];
    unsigned long long kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmRSS: %llu", &kib) == 1)
            break;
    if (f)
        fclose(f);
    return kib;
}

static bool begin(struct beside *b, enum side side, const struct bench_options *o)
{
    struct rfq_run *r = &b->runs[side];
    const struct house_config c = {.lps = LPS,
                                   .rate = RATE,
                                   .dir = o->dir,
                                   .small = true,
                                   .clients = b->idle + b->busy + b->slow + b->flood + SPARE};
    rfq_run_init(r, LPS, RATE);
    r->from_send = true;
    return house_start(&r->house, &c) && rfq_run_logon(r) && (side == ALONE || gather_clients(b)) &&
           bench_pause(r->house.pid);
}

static bool block(struct beside *b, enum side side, unsigned rfqs)
{
    struct rfq_run *r = &b->runs[side];
    bool right = bench_resume(r->house.pid) && rfq_run_block(r, rfqs, rfqs / 10);
    if (!right)
        rfq_run_complain(r);
    b->memory[side] = resident_kib(r->house.pid);
    return bench_pause(r->house.pid) && right;
}

static bool finish(struct beside *b, enum side side)
{
    struct rfq_run *r = &b->runs[side];
    bool right = true;
    if (r->house.pid <= 0)
        return false;
    kill(r->house.pid, SIGCONT);
    if (side == BESIDE && b->clients > 0) {
        right = ask_clients(b);
        kill(b->clients, SIGKILL);
        close(b->line);
        waitpid(b->clients, NULL, 0);
    }
    right = right && rfq_run_counts_right(r, r->measured);
    rfq_run_close(r);
    return house_stop(&r->house) && right;
}

static bool measure(struct beside *b, const struct bench_options *o)
{
    unsigned rfqs = o->tiny ? BLOCK_MIN : RATE * o->seconds / BLOCKS;
    rfqs = rfqs < BLOCK_MIN ? BLOCK_MIN : rfqs;
    bench_pin(1);
    bool right = begin(b, ALONE, o) && begin(b, BESIDE, o);
    for (unsigned i = 0; i < (o->tiny ? 2 : BLOCKS) && right; i++)
        right = block(b, ALONE, rfqs) && block(b, BESIDE, rfqs);
    bool ended = finish(b, ALONE);
    return finish(b, BESIDE) && ended && right;
}

/* Report ------------------------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    uint64_t target_permille;
} figures[FIGURES] = {[FIGURE_REQUEST] = {"RFQ in to first LP", 1100},
                      [FIGURE_RELEASE] = {"release, first to last LP", 1100},
                      [FIGURE_QUOTE] = {"quote in to taker", 1100},
                      [FIGURE_ORDER] = {"accept in to order at LP", 1100},
                      [FIGURE_EXECUTION] = {"execution in to taker", 1100}};

static void report(struct bench_report *out, const struct beside *b)
{
    char name[96];
    for (unsigned f = 0; f < FIGURES; f++)
        for (unsigned s = 0; s < SIDES; s++) {
            snprintf(name, sizeof name, "%s, %s", figures[f].name, sides[s]);
            bench_report_row(out, name, &b->runs[s].measured[f]);
        }
    for (unsigned f = 0; f < FIGURES; f++) {
        const struct histogram *alone = &b->runs[ALONE].measured[f], *beside = &b->runs[BESIDE].measured[f];
        snprintf(name, sizeof name, "%s, beside to alone, p50", figures[f].name);
        bench_report_ratio(out, name, histogram_percentile(beside, 50000), histogram_percentile(alone, 50000),
                           figures[f].target_permille);
        snprintf(name, sizeof name, "%s, beside to alone, p99", figures[f].name);
        bench_report_ratio(out, name, histogram_percentile(beside, 99000), histogram_percentile(alone, 99000),
                           0);
    }
    bench_report_fact(out, "idle clients", b->idle, "", 0);
    bench_report_fact(out, "busy clients", b->busy, "", 0);
    bench_report_fact(out, "clients that never end a request", b->slow, "", 0);
    bench_report_fact(out, "  thrown out, and back again", b->told->thrown_out, "times", 0);
    bench_report_fact(out, "connections of a flood", b->flood, "", 0);
    bench_report_fact(out, "  requests answered", b->told->answered, "", 0);
    bench_report_fact(out, "  of them, pages of RFQs", b->told->pages, "", 0);
    bench_report_fact(out, "events read by the busy ones", b->told->events, "", 0);
    bench_report_fact(out, "RFQs planned a second", RATE, "/s", 0);
    uint64_t more = b->memory[BESIDE] > b->memory[ALONE] ? b->memory[BESIDE] - b->memory[ALONE] : 0;
    bench_report_fact(out, "memory, alone", b->memory[ALONE], "KiB", 0);
    bench_report_fact(out, "memory for each client more",
                      more * 1024 / (b->idle + b->busy + b->slow + b->flood), "bytes", 0);
}

int bench_beside(const struct bench_options *o)
{
    static struct beside b;
    struct bench_report out;
    unsigned part = o->tiny ? TINY_PART : 1;
    b = (struct beside){
        .idle = IDLE / part, .busy = BUSY / part, .slow = o->tiny ? 2 : SLOW, .flood = o->tiny ? 2 : FLOOD};
    b.told = mmap(NULL, sizeof *b.told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (b.told == MAP_FAILED)
        return 1;
    uint64_t line_before_ns = bench_line_round_trip_ns(o->tiny);
    bench_report_begin(
        &out, o, "beside",
        "RFQs through rfqd, level committed, from send(2) to the kernel's receipt; alone, and with "
        "WebSocket clients on the control core");
    bool right = measure(&b, o);
    report(&out, &b);
    bench_report_line(&out, line_before_ns, bench_line_round_trip_ns(o->tiny));
    return bench_report_end(&out, right);
}
