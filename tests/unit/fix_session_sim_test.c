/* Two sessions joined by a pipe that breaks, loses what is under way and now and then changes a byte; each
 * side may also be killed and started again with nothing but its numbers and its sent messages. Whatever
 * happens, every application message arrives once and in order, without a reset; a failing run prints its
 * seed. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "fix/fix_dict.h"
#include "fix/session.h"
#include "fix_text.h"

#define MS_NS     1000000ull
#define START_NS  1795342272000000000ull
#define ORDERS    60
#define SENT_MAX  6000
#define PIPE_SIZE (1u << 20)
#define STEPS_MAX 60000

struct pipe {
    char bytes[PIPE_SIZE];
    size_t begin, end; /* [begin, end) is under way */
};

struct side {
    struct fix_session session;
    struct fix_session_config config;
    struct fix_session_numbers numbers;
    struct pipe in; /* towards this side */
    char kept[FIX_KEPT_SIZE];
    size_t kept_size; /* 0: nothing is kept */
    bool connected;
    /* every message sent, by number; size 0: administrative */
    struct {
        char bytes[300];
        size_t size;
    } store[SENT_MAX];
    unsigned orders_sent, orders_received;
    uint64_t probe_number; /* of the last TestRequest */
    unsigned synced, resends, takes_kept, no_room;
};

static struct side sides[2];
static struct fix_msg msg;
static uint64_t now_ns, seed;
static unsigned long long first_seed;

#define holds(condition) cr_assert(condition, "seed %llu: " #condition, first_seed)

static struct side *peer_of(struct side *a)
{
    return a == &sides[0] ? &sides[1] : &sides[0];
}

static void put_on_wire(struct side *from, const char *bytes, size_t size)
{
    struct pipe *p = &peer_of(from)->in;
    holds(p->end + size <= PIPE_SIZE);
    memcpy(p->bytes + p->end, bytes, size);
    if (chance_below(&seed, 300) == 0)
        p->bytes[p->end + chance_below(&seed, (uint32_t)size)] ^= (char)(1 + chance_below(&seed, 255));
    p->end += size;
    fix_session_sent(&from->session, now_ns);
}

/* Number, store, then send: what is not delivered is still owed. */
static void send_bytes(struct side *a, const char *bytes, size_t size, bool application)
{
    holds(a->numbers.next_out < SENT_MAX && size <= sizeof a->store[0].bytes);
    a->store[a->numbers.next_out].size = application ? size : 0;
    memcpy(a->store[a->numbers.next_out].bytes, bytes, size);
    a->numbers.next_out++;
    put_on_wire(a, bytes, size);
}

static void resend(struct side *a, uint64_t from, uint64_t to)
{
    char room[1024];
    const char *bytes;
    size_t size;
    a->resends++;
    while (from <= to) {
        if (a->store[from].size) {
            enum err e = fix_encode_resend(a->store[from].bytes, a->store[from].size, now_ns, FIX_TIME_MS,
                                           room, sizeof room, &size);
            holds(e == OK);
            put_on_wire(a, room, size);
            from++;
            continue;
        }
        uint64_t next = from + 1;
        while (next <= to && !a->store[next].size)
            next++;
        enum err e =
            fix_encode_gap_fill(&a->session.template, from, next, now_ns, room, sizeof room, &bytes, &size);
        holds(e == OK);
        put_on_wire(a, bytes, size);
        from = next;
    }
}

static void disconnect(void)
{
    for (int i = 0; i < 2; i++) {
        sides[i].connected = false;
        sides[i].in.begin = sides[i].in.end = 0; /* lost, wherever it was */
        fix_session_disconnected(&sides[i].session, now_ns);
    }
}

static void do_actions(struct side *a, const struct fix_actions *out)
{
    for (unsigned i = 0; i < out->count && a->connected; i++) {
        const struct fix_action *x = &out->list[i];
        char room[1024];
        const char *bytes;
        size_t size;
        switch (x->type) {
        case FIX_ACT_SEND:
            holds(fix_session_encode(&a->session, x, a->numbers.next_out, a->numbers.next_in, now_ns, room,
                                     sizeof room, &bytes, &size) == OK);
            if (x->msg_type == '1')
                a->probe_number = a->numbers.next_out;
            send_bytes(a, bytes, size, false);
            break;
        case FIX_ACT_RESEND:
            holds(x->to < a->numbers.next_out && x->from <= x->to);
            resend(a, x->from, x->to);
            break;
        case FIX_ACT_DISCONNECT:
            disconnect();
            break;
        case FIX_ACT_SYNCED:
            /* the peer has consumed the probe and so all before it */
            holds(peer_of(a)->numbers.next_in > a->probe_number);
            a->synced++;
            break;
        case FIX_ACT_UP:
            break;
        case FIX_ACT_RESET:
            cr_assert_fail("seed %llu: a reset", first_seed);
        }
    }
}

static void session_init(struct side *a)
{
    fix_session_init(&a->session, &a->config);
    fix_session_keep(&a->session, a->kept, a->kept_size);
}

static void take(struct side *a, enum err parse_error, bool kept)
{
    struct fix_actions out;
    uint64_t number;
    (kept ? fix_session_take : fix_session_message)(&a->session, &a->numbers, &msg, parse_error, now_ns,
                                                    &out);
    a->takes_kept += kept;
    a->no_room += out.no_room;
    switch (out.verdict) {
    case FIX_VERDICT_APPLICATION:
        holds(fix_get_uint(&msg, FIX_TAG_ClOrdID, &number) == OK);
        holds(number == a->orders_received);
        a->orders_received++;
        a->numbers.next_in++;
        break;
    case FIX_VERDICT_ADMIN:
        a->numbers.next_in++;
        break;
    case FIX_VERDICT_REJECTED:
        cr_assert_fail("seed %llu: a rejected message", first_seed);
        break;
    case FIX_VERDICT_ADVANCE:
        holds(out.advance_to > a->numbers.next_in);
        /* only administrative messages are passed over */
        for (uint64_t i = a->numbers.next_in; i < out.advance_to; i++)
            holds(peer_of(a)->store[i].size == 0);
        a->numbers.next_in = out.advance_to;
        break;
    case FIX_VERDICT_KEPT:
        holds(a->kept_size);
        break;
    case FIX_VERDICT_IGNORED:
        break;
    }
    do_actions(a, &out);
}

static void receive_message(struct side *a, enum err parse_error)
{
    const char *bytes;
    size_t size;
    take(a, parse_error, false);
    while ((bytes = fix_session_kept(&a->session, &a->numbers, &size)) != NULL)
        take(a, fix_parse(&msg, bytes, size), true);
}

/* Take some of what is under way, cut anywhere. */
static void receive(struct side *a)
{
    size_t some = a->in.end - a->in.begin, size;
    if (chance_below(&seed, 3))
        some = some ? chance_below(&seed, (uint32_t)some + 1) : 0;
    size_t limit = a->in.begin + some;
    while (a->connected && a->in.begin < limit) {
        enum err parse_error;
        enum fix_frame_status s =
            fix_frame_parse(&msg, a->in.bytes + a->in.begin, limit - a->in.begin, &size, &parse_error);
        if (s == FIX_FRAME_PARTIAL)
            break;
        if (s == FIX_FRAME_TOO_LONG) {
            disconnect();
            break;
        }
        const bool good = s == FIX_FRAME_OK;
        a->in.begin += size;
        if (good)
            receive_message(a, parse_error);
    }
    if (a->in.begin == a->in.end)
        a->in.begin = a->in.end = 0;
}

static void send_order(struct side *a)
{
    struct fix_encoder e;
    char room[600];
    const char *bytes;
    size_t size;
    fix_encode_begin(&e, &a->session.template, room, sizeof room, "D", a->numbers.next_out, now_ns, 0);
    fix_put_uint(&e, FIX_TAG_ClOrdID, a->orders_sent++);
    fix_put_text(&e, FIX_TAG_Symbol, "EUR/USD");
    fix_put_char(&e, FIX_TAG_Side, '1');
    fix_put_time(&e, FIX_TAG_TransactTime, now_ns, FIX_TIME_MS);
    fix_put_uint(&e, FIX_TAG_OrderQty, 1);
    fix_put_char(&e, FIX_TAG_OrdType, '1');
    holds(fix_encode_end(&e, &bytes, &size) == OK);
    send_bytes(a, bytes, size, true);
}

static void connect_both(void)
{
    struct fix_actions out;
    for (int i = 0; i < 2; i++)
        sides[i].connected = true;
    for (int i = 1; i >= 0; i--) {
        fix_session_connected(&sides[i].session, &sides[i].numbers, now_ns, &out);
        do_actions(&sides[i], &out);
    }
}

static void start(bool next_expected, uint32_t resend_chunk, size_t kept_size)
{
    for (int i = 0; i < 2; i++) {
        struct side *a = &sides[i];
        memset(a, 0, sizeof *a);
        a->config = (struct fix_session_config){.initiator = i == 0,
                                                .heartbeat_s = 10,
                                                .logon_timeout_ms = 3000,
                                                .logout_timeout_ms = 1000,
                                                .time_tolerance_s = 120,
                                                .validate = true,
                                                .next_expected = next_expected,
                                                .resend_chunk = resend_chunk};
        strcpy(a->config.sender, i ? "B" : "A");
        strcpy(a->config.target, i ? "A" : "B");
        a->numbers = (struct fix_session_numbers){1, 1};
        a->kept_size = kept_size;
        session_init(a);
    }
    now_ns = START_NS;
}

static bool at_rest(void)
{
    for (int i = 0; i < 2; i++) {
        struct side *a = &sides[i], *b = &sides[!i];
        if (!fix_session_is_up(&a->session) || a->orders_sent < ORDERS || a->in.begin != a->in.end ||
            a->numbers.next_in != b->numbers.next_out || a->session.probe_out)
            return false;
    }
    return true;
}

static void step(bool quiet)
{
    struct fix_actions out;
    now_ns += chance_below(&seed, 100) == 0 ? 2000 * MS_NS : 20 * MS_NS;
    if (!sides[0].connected) {
        if (chance_below(&seed, 5) == 0)
            connect_both();
        return;
    }
    for (int i = 0; i < 2; i++) {
        struct side *a = &sides[i];
        receive(a);
        fix_session_tick(&a->session, &a->numbers, now_ns, &out);
        do_actions(a, &out);
        if (fix_session_is_up(&a->session) && a->orders_sent < ORDERS && chance_below(&seed, 4) == 0)
            send_order(a);
    }
    if (quiet)
        return;
    if (chance_below(&seed, 30) == 0)
        disconnect();
    if (chance_below(&seed, 60) == 0) { /* killed: numbers and store are all that is left */
        disconnect();
        struct side *a = &sides[chance_below(&seed, 2)];
        session_init(a);
    }
    if (chance_below(&seed, 200) == 0 && fix_session_is_up(&sides[0].session)) {
        fix_session_logout(&sides[0].session, "", now_ns, &out);
        do_actions(&sides[0], &out);
    }
}

/* What all runs of a test did: else they were too easy. */
struct tally {
    unsigned resends, takes_kept, no_room;
};

static void run(unsigned long long with_seed, bool next_expected, uint32_t resend_chunk, size_t kept_size,
                struct tally *tally)
{
    first_seed = with_seed;
    seed = with_seed * 0x9e3779b97f4a7c15ull | 1;
    start(next_expected, resend_chunk, kept_size);
    unsigned i = 0;
    while (!at_rest()) {
        step(i > 1500);
        if (++i == STEPS_MAX)
            cr_assert_fail("seed %llu: no rest: in %d/%d out %d/%d", with_seed, (int)sides[0].numbers.next_in,
                           (int)sides[1].numbers.next_in, (int)sides[0].numbers.next_out,
                           (int)sides[1].numbers.next_out);
    }
    for (int k = 0; k < 2; k++) {
        holds(sides[k].orders_received == sides[!k].orders_sent);
        holds(sides[k].synced > 0);
        tally->resends += sides[k].resends;
        tally->takes_kept += sides[k].takes_kept;
        tally->no_room += sides[k].no_room;
    }
}

Test(fix_session_sim, every_order_arrives_once_in_order_whatever_breaks)
{
    struct tally t = {0};
    for (unsigned long long i = 1; i <= 150; i++)
        run(i, false, 0, 0, &t);
    cr_assert_gt(t.resends, 150);
    cr_assert_eq(t.takes_kept, 0);
}

Test(fix_session_sim, the_same_with_next_expected_numbers_in_logons)
{
    struct tally t = {0};
    for (unsigned long long i = 1; i <= 150; i++)
        run(i, true, 0, 0, &t);
    cr_assert_gt(t.resends, 150);
}

Test(fix_session_sim, the_same_when_gaps_are_asked_for_a_few_at_a_time)
{
    struct tally t = {0};
    for (unsigned long long i = 1; i <= 150; i++)
        run(i, i % 2, 1 + (uint32_t)i % 20, 0, &t);
    cr_assert_gt(t.resends, 150);
}

Test(fix_session_sim, the_same_when_what_comes_too_early_is_kept)
{
    struct tally t = {0};
    for (unsigned long long i = 1; i <= 150; i++)
        run(i, i % 2, i % 3 ? 0 : 1 + (uint32_t)i % 20, FIX_KEPT_SIZE, &t);
    cr_assert(t.resends > 150 && t.takes_kept > 1000, "%u resends, %u kept", t.resends, t.takes_kept);
    cr_assert_eq(t.no_room, 0);
}

Test(fix_session_sim, the_same_when_there_is_room_for_few_of_them)
{
    struct tally t = {0};
    for (unsigned long long i = 1; i <= 150; i++)
        run(i, i % 2, i % 3 ? 0 : 1 + (uint32_t)i % 20, 100 + 5 * i, &t);
    cr_assert(t.resends > 150 && t.takes_kept > 100 && t.no_room > 100, "%u resends, %u kept, %u dropped",
              t.resends, t.takes_kept, t.no_room);
}
