/* The session test cases published with FIX 4.4 (volume 2), by their numbers, and the rules between them. */
#include "fix_session_harness.h"

static char encoded[1024];

/* 1B: connect and send Logon */
Test(fix_session, case_1b_initiator_sends_logon_and_is_up_when_answered)
{
    start(true);
    connect_at(NOW_NS);
    cr_assert_eq(out.count, 1);
    cr_assert(sent('A') && !sent('A')->flag);
    n.next_out = 2;
    cr_assert_eq(receive("A", 1, LOGON), FIX_VERDICT_ADMIN);
    cr_assert_not_null(action(FIX_ACT_UP, 0, 0));
    cr_assert_null(sent('A'));
    cr_assert_not_null(sent('1'), "the probe");
}

Test(fix_session, case_1b_e_and_2s_the_first_message_received_is_not_a_logon)
{
    for (int initiator = 0; initiator < 2; initiator++) {
        start(initiator);
        connect_at(NOW_NS);
        cr_assert_eq(receive("0", 1, TIME), FIX_VERDICT_IGNORED);
        cr_assert(disconnected());
        cr_assert_eq(sent('5') != NULL, initiator, "an acceptor does not know yet whom it would tell");
        /* and nothing behind it counts */
        cr_assert_eq(receive("A", 1, LOGON), FIX_VERDICT_IGNORED);
        cr_assert_eq(out.count, 0);
    }
}

Test(fix_session, case_1b_logon_refused_with_a_logout)
{
    start(true);
    connect_at(NOW_NS);
    cr_assert_eq(receive("5", 1, TIME "58=no|"), FIX_VERDICT_ADMIN);
    cr_assert(disconnected());
}

/* 1S: acceptor */
Test(fix_session, case_1s_valid_logon_is_answered)
{
    start(false);
    connect_at(NOW_NS);
    cr_assert_eq(out.count, 0);
    cr_assert_eq(receive("A", 1, LOGON), FIX_VERDICT_ADMIN);
    cr_assert_eq(out.list[0].msg_type, 'A');
    cr_assert_eq(out.list[1].type, FIX_ACT_UP);
    cr_assert_not_null(sent('1'));
}

Test(fix_session, case_1s_logon_with_another_comp_id_is_disconnected)
{
    start(false);
    connect_at(NOW_NS);
    enum err e = fix_parse(&msg, bytes, fix_text("35=A|34=1|49=OTHER|56=RFQD|" LOGON, bytes));
    fix_session_message(&s, &n, &msg, e, NOW_NS, &out);
    cr_assert(disconnected());
    cr_assert_eq(out.count, 1);
}

Test(fix_session, case_1s_invalid_logon_is_logged_out_with_its_fault)
{
    static const char *const faults[] = {
        "98=0|",       "108=30|",      "98=0|108=x|",       "98=0|108=30|11=x|",
        "98=0|108=0|", "98=0|108=31|", "98=0|108=30|141=Y|"};
    for (unsigned i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        char rest[100];
        start(false);
        connect_at(NOW_NS);
        sprintf(rest, TIME "%s", faults[i]);
        cr_assert_eq(receive("A", 1, rest), FIX_VERDICT_IGNORED, "%s", rest);
        cr_assert(sent('5') && sent('5')->text[0] && disconnected(), "%s", rest);
        cr_assert_null(action(FIX_ACT_UP, 0, 0));
    }
}

/* 17 b: we speak in clear only */
Test(fix_session, case_17b_an_encryption_asked_for_is_rejected_and_the_number_counts)
{
    start(false);
    connect_at(NOW_NS);
    cr_assert_eq(receive("A", 1, TIME "98=1|108=30|"), FIX_VERDICT_REJECTED);
    cr_assert(reject_is(7, 98, 1));
    cr_assert(sent('5') && disconnected() && !action(FIX_ACT_UP, 0, 0));
}

Test(fix_session, logon_at_another_time_is_logged_out)
{
    static const char *const times[] = {"", "52=yesterday|", "52=20261122-10:13:13|",
                                        "52=20261122-10:09:11|"};
    for (unsigned i = 0; i < 4; i++) {
        char rest[100];
        start(false);
        connect_at(NOW_NS);
        sprintf(rest, "%s98=0|108=30|", times[i]);
        cr_assert_eq(receive("A", 1, rest), FIX_VERDICT_IGNORED, "%s", rest);
        cr_assert(sent('5') && disconnected() && out.count == 2, "%s", rest);
    }
}

Test(fix_session, heartbeat_interval_of_the_logon_is_repeated_and_used)
{
    start(false);
    connect_at(NOW_NS);
    receive("A", 1, TIME "98=0|108=7|");
    const char *m;
    size_t size;
    cr_assert_eq(fix_session_encode(&s, sent('A'), 1, 2, NOW_NS, encoded, sizeof encoded, &m, &size), OK);
    cr_assert_eq(fix_parse(&msg, m, size), OK);
    uint64_t hb;
    cr_assert(fix_get_uint(&msg, FIX_TAG_HeartBtInt, &hb) == OK && hb == 7);
    s.probe_out = false;
    fix_session_tick(&s, &n, NOW_NS + 7 * S_NS, &out);
    cr_assert_not_null(sent('0'));
}

/* 1S d: Logon with a number too high: accepted, then a ResendRequest */
Test(fix_session, logon_too_high_is_accepted_and_the_gap_asked_for)
{
    start(false);
    n.next_in = 5;
    connect_at(NOW_NS);
    cr_assert_eq(receive("A", 9, LOGON), FIX_VERDICT_IGNORED);
    cr_assert(sent('A') && action(FIX_ACT_UP, 0, 0));
    cr_assert(sent('2') && sent('2')->from == 5 && sent('2')->to == 0);
    cr_assert_eq(n.next_in, 5);
    cr_assert_eq(s.gap_until, 9);
}

Test(fix_session, logon_too_low_is_logged_out_with_the_numbers)
{
    for (int initiator = 0; initiator < 2; initiator++) {
        start(initiator);
        n.next_in = 5;
        connect_at(NOW_NS);
        cr_assert_eq(receive("A", 4, LOGON), FIX_VERDICT_IGNORED);
        cr_assert(sent('5') && disconnected());
        cr_assert_str_eq(sent('5')->text, "MsgSeqNum too low, expecting 5 but received 4");
    }
}

Test(fix_session, reset_by_logon_where_admitted)
{
    start(false);
    s.config.admit_reset = true;
    n = (struct fix_session_numbers){7, 9};
    connect_at(NOW_NS);
    cr_assert_eq(receive("A", 1, LOGON "141=Y|"), FIX_VERDICT_ADMIN);
    cr_assert_eq(out.list[0].type, FIX_ACT_RESET);
    cr_assert(out.list[1].msg_type == 'A' && out.list[1].flag);
    cr_assert_not_null(action(FIX_ACT_UP, 0, 0));
    cr_assert_null(sent('2'));
}

Test(fix_session, reset_needs_number_1)
{
    start(false);
    s.config.admit_reset = true;
    n.next_in = 7;
    connect_at(NOW_NS);
    receive("A", 7, LOGON "141=Y|");
    cr_assert(sent('5') && disconnected());
}

Test(fix_session, reset_asked_by_us_must_be_answered_with_a_reset)
{
    for (int answered = 0; answered < 2; answered++) {
        start(true);
        s.config.reset_on_logon = true;
        n = (struct fix_session_numbers){7, 9};
        connect_at(NOW_NS);
        cr_assert_eq(out.list[0].type, FIX_ACT_RESET);
        cr_assert(out.list[1].msg_type == 'A' && out.list[1].flag);
        n = (struct fix_session_numbers){1, 2};
        receive("A", 1, answered ? LOGON "141=Y|" : LOGON);
        cr_assert_eq(action(FIX_ACT_UP, 0, 0) != NULL, answered);
        cr_assert_eq(disconnected(), !answered);
        cr_assert_eq(action(FIX_ACT_RESET, 0, 0), NULL, "our own reset is not done twice");
    }
}

Test(fix_session, reset_within_a_session_begins_again_at_1)
{
    log_on(false);
    s.config.admit_reset = true;
    n = (struct fix_session_numbers){7, 9};
    cr_assert_eq(receive("A", 1, LOGON "141=Y|"), FIX_VERDICT_ADMIN);
    cr_assert_eq(out.list[0].type, FIX_ACT_RESET);
    cr_assert(out.list[1].msg_type == 'A' && out.list[1].flag);
    cr_assert(fix_session_is_up(&s));
}

/* What its mode is stands behind what cannot be read. */
Test(fix_session, an_unreadable_sequence_reset_resets_nothing)
{
    log_on(false);
    n.next_in = 5;
    cr_assert_eq(receive("4", 5, TIME "36=50|xyz|123=Y|"), FIX_VERDICT_REJECTED);
    cr_assert(sent('3'));
    cr_assert_eq(n.next_in, 6);
    receive("4", 9, TIME "36=50|xyz|123=Y|");
    cr_assert(sent('2'), "what is missing before it is asked for");
    cr_assert_eq(n.next_in, 6);
    cr_assert_eq(receive("4", 2, TIME "36=50|xyz|"), FIX_VERDICT_IGNORED);
    cr_assert(fix_session_is_up(&s) && out.count == 0);
}

Test(fix_session, an_unreadable_logon_resets_nothing)
{
    log_on(false);
    s.config.admit_reset = true;
    cr_assert_eq(receive("A", 2, LOGON "141=Y|xyz|"), FIX_VERDICT_REJECTED);
    cr_assert_null(action(FIX_ACT_RESET, 0, 0));
}

Test(fix_session, a_reset_that_crosses_our_logout_does_not_revive_the_session)
{
    log_on(false);
    s.config.admit_reset = true;
    fix_session_logout(&s, "end of day", NOW_NS, &out);
    cr_assert_eq(receive("A", 1, LOGON "141=Y|"), FIX_VERDICT_IGNORED);
    cr_assert_eq(out.count, 0);
    cr_assert_eq(s.state, FIX_LOGOUT_SENT);
}

Test(fix_session, a_second_logon_without_reset_is_rejected)
{
    log_on(false);
    cr_assert_eq(receive("A", 2, LOGON), FIX_VERDICT_REJECTED);
    cr_assert(fix_session_is_up(&s));
}

/* 789: what the peer lacks is sent without being asked for */
Test(fix_session, next_expected_of_the_peer_is_honoured)
{
    start(false);
    n.next_out = 10;
    connect_at(NOW_NS);
    cr_assert_eq(receive("A", 1, LOGON "789=6|"), FIX_VERDICT_ADMIN);
    const struct fix_action *a = action(FIX_ACT_RESEND, 0, 0);
    cr_assert(a && a->from == 6 && a->to == 10, "6 to 9, and our Logon, which the peer does not count");
    cr_assert_eq(out.list[0].msg_type, 'A');

    start(false);
    n.next_out = 10;
    connect_at(NOW_NS);
    receive("A", 1, LOGON "789=10|");
    cr_assert_null(action(FIX_ACT_RESEND, 0, 0));
    cr_assert_not_null(action(FIX_ACT_UP, 0, 0));

    start(false);
    n.next_out = 10;
    connect_at(NOW_NS);
    receive("A", 1, LOGON "789=11|"); /* our answer has the number 10 and is not sent yet */
    cr_assert(sent('5') && disconnected());
}

Test(fix_session, next_expected_of_ours_asks_for_the_gap_itself)
{
    start(true);
    s.config.next_expected = true;
    n = (struct fix_session_numbers){4, 3};
    connect_at(NOW_NS);
    const char *m;
    size_t size;
    uint64_t next;
    cr_assert_eq(fix_session_encode(&s, sent('A'), 3, n.next_in, NOW_NS, encoded, sizeof encoded, &m, &size),
                 OK);
    cr_assert_eq(fix_parse(&msg, m, size), OK);
    cr_assert(fix_get_uint(&msg, FIX_TAG_NextExpectedMsgSeqNum, &next) == OK && next == 4);
    n.next_out = 4;
    cr_assert_eq(receive("A", 8, LOGON "789=4|"), FIX_VERDICT_IGNORED);
    cr_assert_null(sent('2'));
    cr_assert_eq(s.gap_until, 8);
    /* a peer that does not understand is asked in the old way */
    fix_session_tick(&s, &n, NOW_NS + FIX_GAP_PATIENCE_NS, &out);
    cr_assert(sent('2') && sent('2')->from == 4);
}

/* 2a */
Test(fix_session, case_2a_a_message_with_the_number_expected_is_taken)
{
    log_on(false);
    cr_assert_eq(receive("D", 2, ORDER), FIX_VERDICT_APPLICATION);
    cr_assert_eq(out.count, 0);
}

/* 2b */
Test(fix_session, case_2b_too_high_asks_once_for_everything_from_the_expected_on)
{
    log_on(false);
    cr_assert_eq(receive("D", 5, ORDER), FIX_VERDICT_IGNORED);
    cr_assert(sent('2') && sent('2')->from == 2 && sent('2')->to == 0);
    for (uint64_t i = 6; i < 9; i++) {
        cr_assert_eq(receive("D", i, ORDER), FIX_VERDICT_IGNORED);
        cr_assert_eq(out.count, 0);
    }
    /* filled: a later gap is asked for anew */
    for (uint64_t i = 2; i < 9; i++)
        cr_assert_eq(receive("D", i, "43=Y|122=20261122-10:11:10|" ORDER), FIX_VERDICT_APPLICATION);
    cr_assert_eq(n.next_in, 9);
    cr_assert_eq(s.gap_until, 0);
    receive("D", 11, ORDER);
    cr_assert(sent('2') && sent('2')->from == 9);
}

Test(fix_session, a_gap_may_be_asked_for_in_chunks)
{
    log_on(false);
    s.config.resend_chunk = 10;
    receive("D", 26, ORDER);
    cr_assert(sent('2') && sent('2')->from == 2 && sent('2')->to == 11);
    receive("D", 27, ORDER);
    cr_assert_eq(out.count, 0);
    for (uint64_t i = 2; i < 11; i++)
        receive("D", i, "43=Y|122=20261122-10:11:10|" ORDER);
    cr_assert_eq(out.count, 0);
    cr_assert_eq(receive("D", 11, "43=Y|122=20261122-10:11:10|" ORDER), FIX_VERDICT_APPLICATION);
    cr_assert(sent('2') && sent('2')->from == 12 && sent('2')->to == 21);
    cr_assert_eq(receive("4", 12, "43=Y|" TIME "123=Y|36=22|"), FIX_VERDICT_ADVANCE);
    cr_assert(sent('2') && sent('2')->from == 22 && sent('2')->to == 0, "the rest is less than a chunk");
    for (uint64_t i = 22; i < 28; i++)
        receive("D", i, "43=Y|122=20261122-10:11:10|" ORDER);
    cr_assert_eq(out.count, 0);
    cr_assert_eq(n.next_in, 28);
}

Test(fix_session, a_chunk_is_never_so_small_that_two_gaps_keep_each_other_open)
{
    log_on(false);
    s.config.resend_chunk = 1;
    receive("D", 26, ORDER);
    cr_assert(sent('2') && sent('2')->from == 2 && sent('2')->to == 1 + FIX_RESEND_CHUNK_MIN);
}

Test(fix_session, a_gap_without_progress_is_asked_for_again)
{
    log_on(false);
    receive("D", 5, ORDER);
    fix_session_tick(&s, &n, NOW_NS + FIX_GAP_PATIENCE_NS - 1, &out);
    cr_assert_null(sent('2'));
    fix_session_tick(&s, &n, NOW_NS + FIX_GAP_PATIENCE_NS, &out);
    cr_assert(sent('2') && sent('2')->from == 2);
    fix_session_tick(&s, &n, NOW_NS + FIX_GAP_PATIENCE_NS + S_NS, &out);
    cr_assert_null(sent('2'));
}

/* 2c */
Test(fix_session, case_2c_too_low_without_poss_dup_ends_with_the_numbers_in_the_text)
{
    log_on(false);
    n.next_in = 9;
    cr_assert_eq(receive("D", 4, ORDER), FIX_VERDICT_IGNORED);
    cr_assert(sent('5') && disconnected());
    cr_assert_str_eq(sent('5')->text, "MsgSeqNum too low, expecting 9 but received 4");
}

/* 2d: garbled, is never framed; 2e to 2g: PossDup */
Test(fix_session, case_2e_a_duplicate_marked_as_such_is_ignored)
{
    log_on(false);
    n.next_in = 9;
    cr_assert_eq(receive("D", 4, "43=Y|" TIME "122=20261122-10:11:11|"), FIX_VERDICT_IGNORED);
    cr_assert_eq(out.count, 0);
}

Test(fix_session, case_2f_orig_sending_time_after_sending_time)
{
    log_on(false);
    receive("D", 2, "43=Y|" TIME "122=20261122-10:11:13|");
    cr_assert(reject_is(10, 122, 2));
    cr_assert(sent('5') && disconnected());
}

Test(fix_session, case_2g_poss_dup_without_orig_sending_time)
{
    log_on(false);
    cr_assert_eq(receive("D", 2, "43=Y|" TIME), FIX_VERDICT_REJECTED);
    cr_assert(reject_is(1, 122, 2));
    cr_assert_eq(receive("D", 2, "43=Y|" TIME), FIX_VERDICT_IGNORED);
    cr_assert(fix_session_is_up(&s));
}

/* 2i */
Test(fix_session, case_2i_another_begin_string)
{
    log_on(false);
    enum err e = fix_parse(&msg, bytes, fix_text_begin("FIX.4.2", "35=0|34=2|49=PEER|56=RFQD|" TIME, bytes));
    fix_session_message(&s, &n, &msg, e, NOW_NS, &out);
    cr_assert(sent('5') && disconnected());
}

/* 2k */
Test(fix_session, case_2k_comp_id_problem)
{
    static const struct {
        const char *ids;
        uint32_t tag;
    } wrong[] = {{"49=OTHER|56=RFQD|", 49}, {"49=PEER|56=OTHER|", 56}, {"56=RFQD|", 49}, {"49=PEER|", 56}};
    for (unsigned i = 0; i < 4; i++) {
        char body[200];
        log_on(false);
        sprintf(body, "35=0|34=2|%s" TIME, wrong[i].ids);
        enum err e = fix_parse(&msg, bytes, fix_text(body, bytes));
        fix_session_message(&s, &n, &msg, e, NOW_NS, &out);
        cr_assert(reject_is(9, wrong[i].tag, 2));
        cr_assert(sent('5') && disconnected());
        cr_assert_eq(out.verdict, FIX_VERDICT_REJECTED);
    }
}

/* 2m, 2o: SendingTime */
Test(fix_session, case_2o_sending_time_off_by_more_than_two_minutes)
{
    static const struct {
        const char *time;
        bool good;
    } table[] = {{"20261122-10:13:12", true},
                 {"20261122-10:13:12.001", false},
                 {"20261122-10:09:12", true},
                 {"20261122-10:09:11", false},
                 {"20251122-10:11:12", false}};
    for (unsigned i = 0; i < 5; i++) {
        char rest[100];
        log_on(false);
        sprintf(rest, "52=%s|", table[i].time);
        receive("0", 2, rest);
        cr_assert_eq(disconnected(), !table[i].good, "%s", rest);
        cr_assert_eq(reject_is(10, 52, 2), !table[i].good);
    }
}

Test(fix_session, sending_time_is_required_and_a_time)
{
    log_on(false);
    cr_assert_eq(receive("0", 2, ""), FIX_VERDICT_REJECTED);
    cr_assert(reject_is(1, 52, 2));
    cr_assert_eq(receive("0", 3, "52=yesterday|"), FIX_VERDICT_REJECTED);
    cr_assert(reject_is(6, 52, 3));
}

/* 2q */
Test(fix_session, case_2q_invalid_msg_type)
{
    log_on(false);
    cr_assert_eq(receive("ZZ", 2, TIME), FIX_VERDICT_REJECTED);
    cr_assert(reject_is(11, 35, 2));
}

/* 2r: unsupported types are the application's to answer (BusinessMessageReject) */
Test(fix_session, case_2r_a_type_not_spoken_is_handed_on)
{
    log_on(false);
    cr_assert_eq(receive("AE", 2, TIME), FIX_VERDICT_APPLICATION);
}

Test(fix_session, a_message_without_a_number_ends_the_session)
{
    /* one that is no Int either: we could not name it in an answer */
    static const char *const numbers[] = {"", "34=0|", "34=x|", "34=9223372036854775808|"};
    for (unsigned i = 0; i < 4; i++) {
        char body[200];
        log_on(false);
        sprintf(body, "35=0|%s49=PEER|56=RFQD|" TIME, numbers[i]);
        enum err e = fix_parse(&msg, bytes, fix_text(body, bytes));
        fix_session_message(&s, &n, &msg, e, NOW_NS, &out);
        cr_assert(sent('5') && disconnected(), "%s", numbers[i]);
    }
}

Test(fix_session, a_sequence_cannot_be_reset_beyond_what_an_int_holds)
{
    log_on(false);
    cr_assert_eq(receive("4", 2, TIME "36=9223372036854775808|"), FIX_VERDICT_REJECTED);
    cr_assert(reject_is(1, 36, 2));
}

/* 14 a, k: fields that cannot be read */
Test(fix_session, case_14k_a_field_that_is_none_is_rejected_by_number)
{
    log_on(false);
    cr_assert_eq(receive("D", 2, TIME "58=gar|bage|"), FIX_VERDICT_REJECTED);
    cr_assert(reject_is(17, 58, 2));
    cr_assert_eq(receive("D", 3, TIME "58=gar||11=o|"), FIX_VERDICT_REJECTED);
    cr_assert(reject_is(17, 58, 3));
    cr_assert_eq(receive("D", 4, TIME "bage=x|"), FIX_VERDICT_REJECTED);
    cr_assert(reject_is(0, 0, 4));
    cr_assert_eq(receive("D", 5, TIME "0=x|"), FIX_VERDICT_REJECTED);
    cr_assert(reject_is(0, 0, 5));
    enum err e = fix_parse(&msg, bytes, fix_text("35=D|garbage|34=6|49=PEER|", bytes));
    fix_session_message(&s, &n, &msg, e, NOW_NS, &out);
    cr_assert_eq(out.verdict, FIX_VERDICT_IGNORED, "without a number it is garbled");
    cr_assert_eq(out.count, 0);
}

/* 4: heartbeats */
Test(fix_session, case_4a_heartbeat_after_an_interval_without_sending)
{
    log_on(false);
    s.probe_out = false;
    fix_session_sent(&s, NOW_NS + 5 * S_NS);
    fix_session_tick(&s, &n, NOW_NS + 34 * S_NS, &out);
    cr_assert_null(sent('0'));
    fix_session_tick(&s, &n, NOW_NS + 35 * S_NS, &out);
    cr_assert(sent('0') && sent('0')->echo[0] == 0);
    fix_session_tick(&s, &n, NOW_NS + 35 * S_NS + 1, &out);
    cr_assert_null(sent('0'));
}

Test(fix_session, case_4b_test_request_is_answered_with_its_id)
{
    log_on(false);
    cr_assert_eq(receive("1", 2, TIME "112=are you there?|"), FIX_VERDICT_ADMIN);
    cr_assert_str_eq(sent('0')->echo, "are you there?");
}

/* 5, 6: TestRequest */
Test(fix_session, case_6_silence_is_tested_then_disconnected)
{
    log_on(false);
    s.probe_out = false;
    fix_session_tick(&s, &n, NOW_NS + 36 * S_NS - 1, &out);
    cr_assert_null(sent('1'));
    fix_session_tick(&s, &n, NOW_NS + 36 * S_NS, &out);
    cr_assert_not_null(sent('1'));
    fix_session_tick(&s, &n, NOW_NS + 65 * S_NS, &out);
    cr_assert_not(disconnected());
    fix_session_tick(&s, &n, NOW_NS + 66 * S_NS, &out);
    cr_assert(disconnected());
}

Test(fix_session, case_6_any_message_shows_life)
{
    log_on(false);
    s.probe_out = false;
    fix_session_tick(&s, &n, NOW_NS + 36 * S_NS, &out);
    cr_assert_not_null(sent('1'));
    receive_at(NOW_NS + 40 * S_NS, "0", 2, TIME);
    fix_session_tick(&s, &n, NOW_NS + 66 * S_NS, &out);
    cr_assert_not(disconnected());
}

Test(fix_session, the_probe_says_what_the_peer_has)
{
    char rest[100];
    log_on(false);
    uint64_t id = s.probe_id;
    sprintf(rest, TIME "112=%llu|", (unsigned long long)id - 1);
    receive("0", 2, rest);
    cr_assert_null(action(FIX_ACT_SYNCED, 0, 0), "another's answer");
    /* a resend: only the probe behind it counts */
    n.next_out = 20;
    receive("2", 3, TIME "7=2|16=0|");
    cr_assert_eq(out.list[0].type, FIX_ACT_RESEND);
    cr_assert(sent('1') && sent('1')->test_id == s.probe_id && s.probe_id != id);
    sprintf(rest, TIME "112=%llu|", (unsigned long long)id);
    receive("0", 4, rest);
    cr_assert_null(action(FIX_ACT_SYNCED, 0, 0));
    sprintf(rest, TIME "112=%llu|", (unsigned long long)s.probe_id);
    receive("0", 5, rest);
    cr_assert_not_null(action(FIX_ACT_SYNCED, 0, 0));
    receive("0", 6, rest);
    cr_assert_null(action(FIX_ACT_SYNCED, 0, 0), "once");
    /* later resends need none */
    receive("2", 7, TIME "7=2|16=0|");
    cr_assert_null(sent('1'));
}

/* 7: Reject is consumed, never answered */
Test(fix_session, case_7_reject_is_taken_and_not_answered)
{
    log_on(false);
    cr_assert_eq(receive("3", 2, TIME "45=1|"), FIX_VERDICT_ADMIN);
    cr_assert_eq(out.count, 0);
    cr_assert_eq(receive("3", 3, TIME "45=1|11=x|"), FIX_VERDICT_REJECTED);
    cr_assert_eq(out.count, 0);
}

/* 8: ResendRequest */
Test(fix_session, case_8_resend_request_truth_table)
{
    static const struct {
        const char *range;
        uint64_t from, to; /* 0: no resend */
        int reason;        /* of a Reject; -1 */
    } table[] = {{"7=1|16=0|", 1, 19, -1},      {"7=5|16=9|", 5, 9, -1},    {"7=5|16=5|", 5, 5, -1},
                 {"7=5|16=999999|", 5, 19, -1}, {"7=19|16=0|", 19, 19, -1}, {"7=20|16=0|", 0, 0, -1},
                 {"7=0|16=5|", 0, 0, 5},        {"7=9|16=5|", 0, 0, 5},     {"7=9|", 0, 0, 1},
                 {"7=x|16=5|", 0, 0, 6}};
    for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++) {
        char rest[100];
        log_on(false);
        n.next_out = 20;
        sprintf(rest, TIME "%s", table[i].range);
        receive("2", 2, rest);
        const struct fix_action *a = action(FIX_ACT_RESEND, 0, 0);
        cr_assert_eq(a != NULL, table[i].from != 0, "%s", rest);
        if (a)
            cr_assert(a->from == table[i].from && a->to == table[i].to, "%s", rest);
        cr_assert_eq(sent('3') != NULL, table[i].reason >= 0, "%s", rest);
        if (sent('3'))
            cr_assert_eq(sent('3')->reason, table[i].reason, "%s", rest);
        cr_assert_eq(n.next_in, 3);
    }
}

Test(fix_session, two_gaps_do_not_wait_for_each_other)
{
    log_on(false);
    n.next_out = 20;
    cr_assert_eq(receive("2", 7, TIME "7=3|16=0|"), FIX_VERDICT_IGNORED);
    cr_assert_not_null(action(FIX_ACT_RESEND, 0, 0));
    cr_assert(sent('2') && sent('2')->from == 2);
}

/* 10, 11: SequenceReset */
Test(fix_session, case_10_gap_fill_truth_table)
{
    static const struct {
        uint64_t seq;
        const char *rest;
        enum fix_verdict verdict;
        uint64_t next_in; /* after; it was 5 */
        char sends;       /* '-': nothing */
    } table[] = {{5, "123=Y|36=9|", FIX_VERDICT_ADVANCE, 9, '-'},
                 {5, "43=Y|123=Y|36=9|", FIX_VERDICT_ADVANCE, 9, '-'},
                 {5, "123=Y|36=6|", FIX_VERDICT_ADVANCE, 6, '-'},
                 {5, "123=Y|36=5|", FIX_VERDICT_REJECTED, 6, '3'},
                 {5, "123=Y|36=2|", FIX_VERDICT_REJECTED, 6, '3'},
                 {7, "123=Y|36=9|", FIX_VERDICT_IGNORED, 5, '2'},
                 {3, "43=Y|123=Y|36=9|", FIX_VERDICT_IGNORED, 5, '-'},
                 {3, "123=Y|36=9|", FIX_VERDICT_IGNORED, 5, '5'},
                 /* reset mode: its own number does not matter */
                 {5, "36=9|", FIX_VERDICT_ADVANCE, 9, '-'},
                 {3, "36=9|", FIX_VERDICT_ADVANCE, 9, '-'},
                 {8, "123=N|36=9|", FIX_VERDICT_ADVANCE, 9, '-'},
                 {0, "36=9|", FIX_VERDICT_ADVANCE, 9, '-'},
                 {0, "123=Y|36=9|", FIX_VERDICT_IGNORED, 5, '5'},
                 {8, "36=5|", FIX_VERDICT_ADVANCE, 5, '-'},
                 {8, "36=4|", FIX_VERDICT_IGNORED, 5, '3'},
                 {5, "36=4|", FIX_VERDICT_IGNORED, 5, '3'}};
    for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++) {
        char rest[100];
        log_on(false);
        n.next_in = 5;
        sprintf(rest, TIME "%s", table[i].rest);
        if (!strncmp(table[i].rest, "43=Y|", 5))
            sprintf(rest, "43=Y|" TIME "122=20261122-10:11:12|%s", table[i].rest + 5);
        cr_assert_eq(receive("4", table[i].seq, rest), table[i].verdict, "%d %s: %d", (int)table[i].seq, rest,
                     out.verdict);
        cr_assert_eq(n.next_in, table[i].next_in, "%s", rest);
        if (table[i].sends == '-')
            cr_assert_eq(out.count, 0, "%s", rest);
        else
            cr_assert_not_null(sent(table[i].sends), "%s", rest);
        if (table[i].sends == '3')
            cr_assert(reject_is(5, 36, table[i].seq), "%s", rest);
    }
}

/* 12, 13: Logout */
Test(fix_session, case_12_logout_of_ours_is_answered_and_closes)
{
    log_on(false);
    fix_session_logout(&s, "good night", NOW_NS, &out);
    cr_assert_str_eq(sent('5')->text, "good night");
    cr_assert_not(disconnected());
    cr_assert_eq(receive("D", 2, ORDER), FIX_VERDICT_APPLICATION, "what is still under way is taken");
    cr_assert_eq(receive("5", 3, TIME), FIX_VERDICT_ADMIN);
    cr_assert(disconnected());
    cr_assert_null(sent('5'));
}

Test(fix_session, case_12_logout_of_ours_without_an_answer_closes_in_time)
{
    log_on(false);
    fix_session_logout(&s, "", NOW_NS, &out);
    fix_session_tick(&s, &n, NOW_NS + 2 * S_NS - 1, &out);
    cr_assert_not(disconnected());
    fix_session_tick(&s, &n, NOW_NS + 2 * S_NS, &out);
    cr_assert(disconnected());
}

Test(fix_session, case_13_logout_of_the_peer_is_answered_and_it_closes)
{
    log_on(false);
    cr_assert_eq(receive("5", 2, TIME "58=bye|"), FIX_VERDICT_ADMIN);
    cr_assert_not_null(sent('5'));
    cr_assert_not(disconnected());
    fix_session_tick(&s, &n, NOW_NS + 2 * S_NS, &out);
    cr_assert(disconnected());
}

Test(fix_session, a_logout_too_high_is_answered_and_the_gap_is_left_to_the_next_logon)
{
    log_on(false);
    cr_assert_eq(receive("5", 9, TIME), FIX_VERDICT_IGNORED);
    cr_assert_not_null(sent('5'));
    cr_assert_null(sent('2'));
    cr_assert_eq(n.next_in, 2);
}

Test(fix_session, logon_in_time_or_not_at_all)
{
    for (int initiator = 0; initiator < 2; initiator++) {
        start(initiator);
        connect_at(NOW_NS);
        fix_session_tick(&s, &n, NOW_NS + 5 * S_NS - 1, &out);
        cr_assert_not(disconnected());
        fix_session_tick(&s, &n, NOW_NS + 5 * S_NS, &out);
        cr_assert(disconnected());
    }
}

/* 14: the dictionary's refusals become Rejects (each reason: fix_validate) */
Test(fix_session, case_14_a_message_against_the_dictionary_is_rejected_and_counted)
{
    log_on(false);
    cr_assert_eq(receive("D", 2, TIME "11=o|55=A|54=Z|60=20261122-10:11:12|40=2|38=5|"),
                 FIX_VERDICT_REJECTED);
    cr_assert(reject_is(5, 54, 2));
    cr_assert_eq(sent('3')->ref_type, FIX_MSG_NewOrderSingle);
    cr_assert_eq(n.next_in, 3);
    s.config.validate = false;
    cr_assert_eq(receive("D", 3, TIME "54=Z|"), FIX_VERDICT_APPLICATION);
}

/* 18: what is meant for a third party must not be taken for ours */
Test(fix_session, case_18b_a_message_to_be_delivered_to_another_is_rejected)
{
    log_on(false);
    cr_assert_eq(receive("D", 2, "128=OTHER|" ORDER), FIX_VERDICT_REJECTED);
    cr_assert(reject_is(9, 128, 2));
    cr_assert_eq(receive("D", 3, "115=DESK|" ORDER), FIX_VERDICT_APPLICATION, "18a: who is behind the peer");
}

Test(fix_session, encodes_what_its_actions_say)
{
    const char *m;
    size_t size;
    log_on(true);
    receive("D", 2, TIME "11=o|55=A|54=Z|60=20261122-10:11:12|40=2|38=5|");
    cr_assert_eq(fix_session_encode(&s, sent('3'), 17, 3, NOW_NS, encoded, sizeof encoded, &m, &size), OK);
    struct fix_refusal why;
    uint64_t u;
    char text[64];
    cr_assert_eq(fix_parse(&msg, m, size), OK);
    cr_assert_eq(fix_validate(&msg, false, &why), OK);
    cr_assert_eq(msg.seq, 17);
    cr_assert(fix_get_uint(&msg, FIX_TAG_RefSeqNum, &u) == OK && u == 2);
    cr_assert(fix_get_uint(&msg, FIX_TAG_RefTagID, &u) == OK && u == 54);
    cr_assert(fix_get_uint(&msg, FIX_TAG_SessionRejectReason, &u) == OK && u == 5);
    cr_assert(fix_get_text(&msg, FIX_TAG_RefMsgType, text, sizeof text) == OK && !strcmp(text, "D"));
    cr_assert_eq(fix_encode_gap_fill(&s.template, 4, 9, NOW_NS, encoded, sizeof encoded, &m, &size), OK);
    cr_assert_eq(fix_parse(&msg, m, size), OK);
    cr_assert_eq(fix_validate(&msg, false, &why), OK);
    cr_assert(msg.poss_dup && msg.seq == 4);
    cr_assert(fix_get_uint(&msg, FIX_TAG_NewSeqNo, &u) == OK && u == 9);
    cr_assert_not_null(fix_find(&msg, FIX_TAG_OrigSendingTime));
}
