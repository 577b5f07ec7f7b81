/* Messages that come before their turn: kept, taken in order, asked for only where nothing is kept. */
#include "fix_session_harness.h"

#define AGAIN "43=Y|122=20261122-10:11:10|"
#define PROBE TIME "112=x|"

static char memory[4096];

static void log_on_keeping(size_t size)
{
    log_on(false);
    fix_session_keep(&s, memory, size);
}

/* The next kept message, as the gateway takes it; FIX_VERDICT_IGNORED: there is none. */
static enum fix_verdict take(void)
{
    size_t size;
    const char *kept = fix_session_kept(&s, &n, &size);
    if (!kept)
        return FIX_VERDICT_IGNORED;
    enum err e = fix_parse(&msg, kept, size);
    fix_session_take(&s, &n, &msg, e, NOW_NS, &out);
    return count_verdict();
}

static bool asks(uint64_t from, uint64_t to)
{
    const struct fix_action *a = sent('2');
    return a && a->from == from && a->to == to;
}

Test(fix_session_kept, what_was_kept_follows_what_was_missing_without_being_asked_for)
{
    log_on_keeping(sizeof memory);
    cr_assert_eq(receive("D", 5, ORDER), FIX_VERDICT_KEPT);
    cr_assert(asks(2, 4), "up to what is here, and no further");
    cr_assert_eq(receive("D", 6, ORDER), FIX_VERDICT_KEPT);
    cr_assert_eq(receive("1", 7, PROBE), FIX_VERDICT_KEPT);
    cr_assert_eq(out.count, 0, "not answered before its turn, nor asked for again");
    for (uint64_t i = 2; i < 5; i++) {
        cr_assert_eq(take(), FIX_VERDICT_IGNORED);
        cr_assert_eq(receive("D", i, AGAIN ORDER), FIX_VERDICT_APPLICATION);
        cr_assert_eq(out.count, 0);
    }
    cr_assert_eq(take(), FIX_VERDICT_APPLICATION);
    cr_assert_eq(take(), FIX_VERDICT_APPLICATION);
    cr_assert_eq(take(), FIX_VERDICT_ADMIN);
    cr_assert_str_eq(sent('0')->echo, "x");
    cr_assert_eq(out.count, 1);
    cr_assert_eq(take(), FIX_VERDICT_IGNORED);
    cr_assert_eq(n.next_in, 8);
    cr_assert(s.gap_until == 0 && s.gap_seen == 0 && s.kept.count == 0 && s.kept.used == 0);
    cr_assert_eq(receive("D", 8, ORDER), FIX_VERDICT_APPLICATION);
}

Test(fix_session_kept, each_hole_is_asked_for_by_itself)
{
    log_on_keeping(sizeof memory);
    receive("D", 4, ORDER);
    cr_assert(asks(2, 3));
    receive("D", 7, ORDER);
    receive("D", 8, ORDER);
    cr_assert_null(sent('2'));
    receive("4", 2, AGAIN TIME "123=Y|36=4|");
    cr_assert_null(sent('2'), "4 is here");
    cr_assert_eq(take(), FIX_VERDICT_APPLICATION);
    cr_assert(asks(5, 6));
    receive("D", 5, AGAIN ORDER);
    receive("D", 6, AGAIN ORDER);
    cr_assert_null(sent('2'));
    cr_assert_eq(take(), FIX_VERDICT_APPLICATION);
    cr_assert_eq(take(), FIX_VERDICT_APPLICATION);
    cr_assert_eq(n.next_in, 9);
    cr_assert_eq(s.gap_seen, 0);
}

Test(fix_session_kept, a_gap_fill_that_was_kept_fills_before_more_is_asked_for)
{
    log_on_keeping(sizeof memory);
    receive("D", 3, ORDER);
    receive("4", 4, TIME "123=Y|36=8|");
    receive("D", 8, ORDER);
    receive("D", 2, AGAIN ORDER);
    cr_assert_eq(take(), FIX_VERDICT_APPLICATION);
    cr_assert_eq(take(), FIX_VERDICT_ADVANCE);
    cr_assert_null(sent('2'), "5 to 7 are filled by it");
    cr_assert_eq(take(), FIX_VERDICT_APPLICATION);
    cr_assert_eq(n.next_in, 9);
}

Test(fix_session_kept, duplicates_of_what_is_kept_are_ignored)
{
    log_on_keeping(sizeof memory);
    receive("D", 3, ORDER);
    cr_assert_eq(receive("D", 3, AGAIN ORDER), FIX_VERDICT_IGNORED, "too high still");
    cr_assert_eq(out.count, 0);
    receive("D", 2, AGAIN ORDER);
    cr_assert_eq(take(), FIX_VERDICT_APPLICATION);
    cr_assert_eq(receive("D", 3, AGAIN ORDER), FIX_VERDICT_IGNORED, "a peer that sends more than was asked");
    cr_assert_eq(out.count, 0);
    cr_assert_eq(n.next_in, 4);
}

Test(fix_session_kept, what_finds_no_room_is_asked_for_when_its_turn_comes)
{
    size_t one = fix_text("35=D|34=3|49=PEER|56=RFQD|" ORDER, bytes);
    log_on_keeping(one + 20);
    cr_assert_eq(receive("D", 3, ORDER), FIX_VERDICT_KEPT);
    cr_assert_not(out.no_room);
    cr_assert_eq(receive("D", 4, ORDER), FIX_VERDICT_IGNORED);
    cr_assert(out.no_room);
    cr_assert_eq(receive("D", 5, ORDER), FIX_VERDICT_IGNORED);
    receive("D", 2, AGAIN ORDER);
    cr_assert_eq(take(), FIX_VERDICT_APPLICATION);
    cr_assert(asks(4, 0), "nothing is kept behind them");
    receive("D", 4, AGAIN ORDER);
    receive("D", 5, AGAIN ORDER);
    cr_assert_eq(out.count, 0);
    cr_assert_eq(n.next_in, 6);
    cr_assert_eq(s.gap_seen, 0);
}

Test(fix_session_kept, numbers_too_far_apart_find_no_room)
{
    log_on_keeping(sizeof memory);
    cr_assert_eq(receive("0", 5000, TIME), FIX_VERDICT_KEPT, "how far from the one expected does not matter");
    cr_assert(asks(2, 4999));
    cr_assert_eq(receive("0", 5000 + FIX_KEPT_MAX, TIME), FIX_VERDICT_IGNORED);
    cr_assert(out.no_room);
    cr_assert_eq(receive("0", 5000 + FIX_KEPT_MAX - 1, TIME), FIX_VERDICT_KEPT);
    cr_assert_eq(receive("0", 4999, AGAIN TIME), FIX_VERDICT_IGNORED);
    cr_assert_eq(receive("0", 9223372036854775807ull, TIME), FIX_VERDICT_IGNORED);
    cr_assert(s.kept.count == 2 && s.kept.low == 5000);
}

Test(fix_session_kept, a_damaged_resend_is_asked_for_alone)
{
    log_on_keeping(sizeof memory);
    receive("D", 6, ORDER);
    cr_assert(asks(2, 5));
    receive("D", 2, AGAIN ORDER);
    cr_assert_eq(receive("D", 4, AGAIN ORDER), FIX_VERDICT_KEPT, "3 was garbled");
    receive("D", 5, AGAIN ORDER);
    cr_assert_null(sent('2'));
    fix_session_tick(&s, &n, NOW_NS + FIX_GAP_PATIENCE_NS, &out);
    cr_assert(asks(3, 3));
    receive("D", 3, AGAIN ORDER);
    while (take() == FIX_VERDICT_APPLICATION)
        cr_assert_null(sent('2'));
    cr_assert_eq(n.next_in, 7);
}

Test(fix_session_kept, while_it_waits_to_be_taken_nothing_is_asked_for)
{
    log_on_keeping(sizeof memory);
    receive("D", 6, ORDER);
    receive("D", 3, AGAIN ORDER);
    receive("D", 2, AGAIN ORDER);
    fix_session_tick(&s, &n, NOW_NS + 2 * FIX_GAP_PATIENCE_NS, &out);
    cr_assert_null(sent('2'), "3 is here, only the caller has no room for it");
    cr_assert_eq(take(), FIX_VERDICT_APPLICATION);
    cr_assert_eq(n.next_in, 4);
}

Test(fix_session_kept, a_gap_fill_passes_over_what_is_kept)
{
    log_on_keeping(sizeof memory);
    receive("D", 5, ORDER);
    receive("D", 9, ORDER);
    cr_assert_eq(receive("4", 2, AGAIN TIME "123=Y|36=8|"), FIX_VERDICT_ADVANCE);
    cr_assert(asks(8, 8));
    cr_assert_eq(take(), FIX_VERDICT_IGNORED);
    receive("D", 8, AGAIN ORDER);
    cr_assert_eq(take(), FIX_VERDICT_APPLICATION);
    cr_assert_eq(n.next_in, 10);
}

Test(fix_session_kept, what_begins_numbers_anew_forgets_it)
{
    for (unsigned how = 0; how < 4; how++) {
        log_on_keeping(sizeof memory);
        s.config.admit_reset = true;
        receive("D", 3, ORDER);
        cr_assert_eq(s.kept.count, 1);
        if (how == 0)
            receive("4", 2, TIME "36=3|");
        else if (how == 1)
            receive("A", 1, LOGON "141=Y|");
        else
            fix_session_disconnected(&s, NOW_NS);
        if (how == 3)
            connect_at(NOW_NS);
        cr_assert(s.kept.count == 0 && s.gap_until == 0 && s.gap_seen == 0, "%u", how);
        n.next_in = 3;
        cr_assert_eq(take(), FIX_VERDICT_IGNORED);
    }
}

Test(fix_session_kept, a_logon_too_high_is_kept_for_its_number_only)
{
    for (unsigned initiator = 0; initiator < 2; initiator++) {
        start(initiator);
        fix_session_keep(&s, memory, sizeof memory);
        n = (struct fix_session_numbers){5, 3};
        connect_at(NOW_NS);
        n.next_out += initiator;
        cr_assert_eq(receive("A", 9, LOGON), FIX_VERDICT_KEPT);
        cr_assert(asks(5, 8));
        cr_assert_not_null(action(FIX_ACT_UP, 0, 0));
        receive("D", 10, ORDER);
        receive("4", 5, AGAIN TIME "123=Y|36=9|");
        cr_assert_eq(take(), FIX_VERDICT_ADMIN);
        cr_assert_eq(out.count, 0, "it was answered when it came");
        cr_assert_eq(take(), FIX_VERDICT_APPLICATION);
        cr_assert_eq(n.next_in, 11);
    }
}

Test(fix_session_kept, a_resend_asked_for_before_its_turn_is_made_once)
{
    log_on_keeping(sizeof memory);
    n.next_out = 20;
    cr_assert_eq(receive("2", 4, TIME "7=3|16=0|"), FIX_VERDICT_KEPT);
    cr_assert(action(FIX_ACT_RESEND, 0, 0) && asks(2, 3));
    receive("4", 2, AGAIN TIME "123=Y|36=4|");
    cr_assert_eq(take(), FIX_VERDICT_ADMIN);
    cr_assert_eq(out.count, 0);
}

Test(fix_session_kept, refusals_come_in_their_turn)
{
    log_on_keeping(sizeof memory);
    receive("D", 3, TIME "11=o|55=A|54=Z|60=20261122-10:11:12|40=2|38=5|");
    cr_assert_null(sent('3'));
    receive("D", 4, TIME "gar|bage|");
    receive("D", 2, AGAIN ORDER);
    cr_assert_eq(take(), FIX_VERDICT_REJECTED);
    cr_assert(reject_is(5, 54, 3));
    cr_assert_eq(take(), FIX_VERDICT_REJECTED);
    cr_assert_eq(sent('3')->ref_seq, 4);
    cr_assert_eq(n.next_in, 5);
}

Test(fix_session_kept, time_that_it_waited_is_not_held_against_it)
{
    log_on_keeping(sizeof memory);
    receive("D", 3, ORDER);
    receive_at(NOW_NS + 200 * S_NS, "D", 2,
               "43=Y|122=20261122-10:11:10|52=20261122-10:14:30|11=o|55=A|54=1|"
               "60=20261122-10:11:12|40=2|38=5|");
    size_t size;
    const char *kept = fix_session_kept(&s, &n, &size);
    cr_assert_not_null(kept);
    enum err e = fix_parse(&msg, kept, size);
    fix_session_take(&s, &n, &msg, e, NOW_NS + 200 * S_NS, &out);
    cr_assert_eq(out.verdict, FIX_VERDICT_APPLICATION);
}

/* 2 b as QuickFIX's acceptance tests have it, chunks included */
Test(fix_session_kept, chunks_end_at_what_is_kept)
{
    log_on_keeping(sizeof memory);
    s.config.resend_chunk = 10;
    receive("D", 15, ORDER);
    cr_assert(asks(2, 11));
    receive("4", 2, AGAIN TIME "123=Y|36=12|");
    cr_assert(asks(12, 14));
    receive("4", 12, AGAIN TIME "123=Y|36=15|");
    cr_assert_null(sent('2'));
    cr_assert_eq(take(), FIX_VERDICT_APPLICATION);
    cr_assert_eq(n.next_in, 16);
}

/* A naive twin: a set of numbers, each with its own copy. */
Test(fix_kept, agrees_with_a_naive_twin)
{
    enum { NUMBERS = 3 * FIX_KEPT_MAX };
    static struct fix_kept k;
    static char room[900];
    static bool has[NUMBERS + 1];
    uint64_t seed = 7;
    fix_kept_init(&k, room, sizeof room);
    for (unsigned step = 0; step < 200000; step++) {
        uint64_t seq = 1 + chance_below(&seed, NUMBERS), low = 0, high = 0, used = 0;
        unsigned count = 0;
        for (uint64_t i = 1; i <= NUMBERS; i++)
            if (has[i]) {
                low = low ? low : i;
                high = i;
                count++;
            }
        cr_assert(k.count == count && (count || k.used == 0));
        cr_assert_eq(fix_kept_from(&k, seq) != 0, count && seq <= high);
        if (chance_below(&seed, 60) == 0) {
            fix_kept_forget(&k, seq);
            memset(has, 0, seq * sizeof *has);
            continue;
        }
        cr_assert_eq(fix_kept_has(&k, seq), has[seq]);
        size_t size = 0;
        const char *found = fix_kept_find(&k, seq, &size);
        cr_assert_eq(found != NULL, has[seq]);
        if (found) {
            cr_assert(size == seq % 13 && (size == 0 || found[size - 1] == (char)seq));
            continue;
        }
        char text[13];
        memset(text, (int)seq, sizeof text);
        used = k.used;
        uint64_t span_low = count && low < seq ? low : seq, span_high = high > seq ? high : seq;
        bool fits = span_high - span_low < FIX_KEPT_MAX && used + seq % 13 <= sizeof room;
        cr_assert_eq(fix_kept_put(&k, seq, text, seq % 13), fits);
        has[seq] = fits;
    }
}
