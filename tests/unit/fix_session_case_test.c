/* The test cases for FIX sessions published by the FIX Trading Community ("FIX session layer test cases", in
 * FIX 4.4 part of volume 2), each with the tests that hold it here; case numbers are theirs. Cross-checked
 * with the acceptance tests of QuickFIX for FIX 4.4, which bear the same numbers. Below the table: the tests
 * of cases that no other file holds.
 *
 * Where we differ, on purpose:
 *   1B d, 1S d  no Reject beside the Logout (it is optional); 1S e of some editions is 2S here
 *   6           any message shows life, not the answer to our TestRequest alone: a peer that sends is not
 * dead 9           we never make a number up: ours are durable. After a power cut they jump ahead and the
 * hole is gap-filled; a reset by Logon is honoured where the configuration admits it 13 b        we wait
 * logout_timeout_ms for the peer to close, not ten seconds 14 l        there is no such answer: what cannot
 * be taken now is not read, quotes are refused as busy 18 a        OnBehalfOfCompID is admitted and not
 * looked at 19 a        a PossResend of what is known is not acted on twice, and its sender is told how that
 * stands Not ours: 17 a and c to j (encryption and signatures: we speak in clear, and do not verify
 * signatures), 14 n.
 */
#include "fix_session_harness.h"

/* clang-format off */
static const struct {
    const char *number, *file, *test;
} cases[] = {
    {"1B a b c", "fix_session", "fix_session, case_1b_initiator_sends_logon_and_is_up_when_answered"},
    {"1B c",     "fix_session_kept", "fix_session_kept, a_logon_too_high_is_kept_for_its_number_only"},
    {"1B d",     "fix_session_case", "fix_session_case, case_1b_d_an_invalid_answer_to_our_logon_is_logged_out_with_its_fault"},
    {"1B e, 2S", "fix_session", "fix_session, case_1b_e_and_2s_the_first_message_received_is_not_a_logon"},
    {"1S a",     "fix_session", "fix_session, case_1s_valid_logon_is_answered"},
    {"1S a",     "fix_session", "fix_session, logon_too_high_is_accepted_and_the_gap_asked_for"},
    {"1S b",     "gateway_session", "gateway_session, a_second_logon_of_a_live_session_is_refused_and_the_first_lives_on"},
    {"1S c",     "fix_session", "fix_session, case_1s_logon_with_another_comp_id_is_disconnected"},
    {"1S c",     "gateway_session", "gateway_session, who_is_not_known_is_refused"},
    {"1S d",     "fix_session", "fix_session, case_1s_invalid_logon_is_logged_out_with_its_fault"},
    {"1S d",     "fix_session", "fix_session, logon_at_another_time_is_logged_out"},
    {"1S d",     "fix_session_case", "fix_session_case, case_1s_d_a_logon_of_another_version_is_logged_out"},
    {"2S",       "gateway_session", "gateway_session, garbage_before_a_logon_ends_the_connection"},
    {"2 a h j n p", "fix_session", "fix_session, case_2a_a_message_with_the_number_expected_is_taken"},
    {"2 b",      "fix_session", "fix_session, case_2b_too_high_asks_once_for_everything_from_the_expected_on"},
    {"2 b",      "fix_session_kept", "fix_session_kept, what_was_kept_follows_what_was_missing_without_being_asked_for"},
    {"2 c",      "fix_session", "fix_session, case_2c_too_low_without_poss_dup_ends_with_the_numbers_in_the_text"},
    {"2 d l m",  "fix_frame", "fix_frame, no_garbled_message_swallows_the_next"},
    {"2 d m",    "gateway_session", "gateway_session, bad_input"},
    {"2 e",      "fix_session", "fix_session, case_2e_a_duplicate_marked_as_such_is_ignored"},
    {"2 e",      "fix_session_case", "fix_session_case, case_2e_what_may_be_a_duplicate_and_is_none_is_taken"},
    {"2 f",      "fix_session", "fix_session, case_2f_orig_sending_time_after_sending_time"},
    {"2 g",      "fix_session", "fix_session, case_2g_poss_dup_without_orig_sending_time"},
    {"2 i",      "fix_session", "fix_session, case_2i_another_begin_string"},
    {"2 k",      "fix_session", "fix_session, case_2k_comp_id_problem"},
    {"2 n o",    "fix_session", "fix_session, case_2o_sending_time_off_by_more_than_two_minutes"},
    {"2 q",      "fix_session", "fix_session, case_2q_invalid_msg_type"},
    {"2 r",      "fix_session", "fix_session, case_2r_a_type_not_spoken_is_handed_on"},
    {"2 r",      "gateway_in", "gateway_in, what_cannot_be_used_is_answered"},
    {"2 s t",    "fix_frame", "fix_frame, no_garbled_message_swallows_the_next"},
    {"3 a b",    "fix_frame", "fix_frame, a_wrong_checksum_skips_that_message_only"},
    {"3 c d e",  "fix_frame", "fix_frame, no_garbled_message_swallows_the_next"},
    {"3 c",      "fix_frame", "fix_frame, damage_never_desynchronises_the_stream"},
    {"4 a",      "fix_session", "fix_session, case_4a_heartbeat_after_an_interval_without_sending"},
    {"4 b",      "fix_session", "fix_session, case_4b_test_request_is_answered_with_its_id"},
    {"5",        "fix_session_case", "fix_session_case, case_5_a_heartbeat_is_taken"},
    {"6",        "fix_session", "fix_session, case_6_silence_is_tested_then_disconnected"},
    {"6",        "fix_session", "fix_session, the_probe_says_what_the_peer_has"},
    {"7",        "fix_session", "fix_session, case_7_reject_is_taken_and_not_answered"},
    {"8",        "fix_session", "fix_session, case_8_resend_request_truth_table"},
    {"8",        "gateway_resend", "gateway_resend, application_messages_again_and_the_rest_in_runs"},
    {"9",        "gateway_restart", "gateway_restart, after_a_power_cut_numbers_jump_and_the_hole_is_filled"},
    {"9",        "fix_session", "fix_session, reset_by_logon_where_admitted"},
    {"10 a to e, 11 a b c", "fix_session", "fix_session, case_10_gap_fill_truth_table"},
    {"12",       "fix_session", "fix_session, case_12_logout_of_ours_is_answered_and_closes"},
    {"12",       "fix_session", "fix_session, case_12_logout_of_ours_without_an_answer_closes_in_time"},
    {"13 a",     "fix_session", "fix_session, case_12_logout_of_ours_is_answered_and_closes"},
    {"13 b",     "fix_session", "fix_session, case_13_logout_of_the_peer_is_answered_and_it_closes"},
    {"14 a to j", "fix_session_case", "fix_session_case, case_14_each_fault_is_rejected_by_its_reason_and_counts"},
    {"14 a to j", "fix_validate", "fix_validate, each_fault_has_its_reason"},
    {"14 k",     "fix_session", "fix_session, case_14k_a_field_that_is_none_is_rejected_by_number"},
    {"14 l",     "gateway_pressure", "gateway_pressure, a_full_quote_lane_refuses_quotes_but_lets_executions_through"},
    {"14 m",     "gateway_in", "gateway_in, what_cannot_be_used_is_answered"},
    {"15",       "fix_session_case", "fix_session_case, case_15_fields_may_come_in_another_order"},
    {"16 a b",   "gateway_out", "gateway_out, executions_reach_a_taker_that_was_away"},
    {"16 a",     "gateway_out", "gateway_out, what_cannot_be_sent_goes_back_to_its_engine"},
    {"16 b",     "gateway_resend", "gateway_resend, a_message_sent_again_says_when_it_was_first_sent"},
    {"17 b",     "fix_session", "fix_session, case_17b_an_encryption_asked_for_is_rejected_and_the_number_counts"},
    {"18 a b",   "fix_session", "fix_session, case_18b_a_message_to_be_delivered_to_another_is_rejected"},
    {"19 a b",   "gateway_in", "gateway_in, quote_request"},
    {"19 a b",   "engine_distribution_request", "distribution_request, refuses_a_request_id_used_before_and_answers_a_resend"},
    {"19 a b",   "engine_distribution_quote", "distribution_quote, with_an_id_used_before_is_a_duplicate"},
    {"19 a b",   "engine_distribution_accept", "distribution_accept, a_second_time_is_refused"},
    {"19 a b",   "engine_routing_accept", "routing_accept, cl_ord_id_seen_before_is_refused_and_a_resend_is_told_the_state"},
    {"20",       "fix_session_case", "fix_session_case, case_20_both_ask_for_a_resend_at_once"},
    {"20",       "fix_session", "fix_session, two_gaps_do_not_wait_for_each_other"},
    {"20",       "fix_session_sim", "fix_session_sim, every_order_arrives_once_in_order_whatever_breaks"},
};
/* clang-format on */

/* A table that names what is not there would be worth nothing. */
Test(fix_session_case, each_case_has_the_tests_that_the_table_names)
{
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[400], wanted[200];
        snprintf(path, sizeof path, RFQD_UNIT_TESTS "/%s_test.c", cases[i].file);
        snprintf(wanted, sizeof wanted, "Test(%s)", cases[i].test);
        FILE *f = fopen(path, "r");
        cr_assert(f, "%s: no %s", cases[i].number, path);
        static char text[1 << 17];
        size_t size = fread(text, 1, sizeof text - 1, f);
        fclose(f);
        text[size] = 0;
        cr_assert(strstr(text, wanted), "case %s: no %s in %s", cases[i].number, wanted, path);
    }
}

Test(fix_session_case, case_1b_d_an_invalid_answer_to_our_logon_is_logged_out_with_its_fault)
{
    static const char *const faults[] = {"98=0|", "108=30|", "98=0|108=x|", "98=0|108=30|11=x|",
                                         "98=0|108=30|141=Y|"};
    for (unsigned i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        char rest[100];
        start(true);
        connect_at(NOW_NS);
        n.next_out++;
        sprintf(rest, TIME "%s", faults[i]);
        cr_assert_eq(receive("A", 1, rest), FIX_VERDICT_IGNORED, "%s", rest);
        cr_assert(sent('5') && sent('5')->text[0] && disconnected(), "%s", rest);
        cr_assert_null(action(FIX_ACT_UP, 0, 0));
    }
}

Test(fix_session_case, case_1s_d_a_logon_of_another_version_is_logged_out)
{
    start(false);
    connect_at(NOW_NS);
    enum err e = fix_parse(&msg, bytes, fix_text_begin("FIX.4.2", "35=A|34=1|49=PEER|56=RFQD|" LOGON, bytes));
    fix_session_message(&s, &n, &msg, e, NOW_NS, &out);
    cr_assert(sent('5') && strstr(sent('5')->text, "BeginString") && disconnected());
}

Test(fix_session_case, case_2e_what_may_be_a_duplicate_and_is_none_is_taken)
{
    log_on(false);
    cr_assert_eq(receive("D", 2, "43=Y|122=20261122-10:11:12|" ORDER), FIX_VERDICT_APPLICATION,
                 "first sent within the same second");
    cr_assert_eq(receive("D", 3, "43=N|" ORDER), FIX_VERDICT_APPLICATION);
    cr_assert_eq(out.count, 0);
}

Test(fix_session_case, case_5_a_heartbeat_is_taken)
{
    log_on(false);
    cr_assert_eq(receive("0", 2, TIME), FIX_VERDICT_ADMIN);
    cr_assert_eq(receive("0", 3, TIME "112=of nobody|"), FIX_VERDICT_ADMIN);
    cr_assert_eq(out.count, 0);
}

/* One fault of each kind goes the whole way: Reject with reason and tag, and the number counts. All that the
 * validator tells apart: fix_validate. */
Test(fix_session_case, case_14_each_fault_is_rejected_by_its_reason_and_counts)
{
    static const struct {
        const char *type, *rest;
        int reason;
        uint32_t tag;
    } table[] = {
        {"0", TIME "999=x|", 0, 999},
        {"0", TIME "5000=x|", 0, 5000},
        {"D", TIME "55=A|54=1|60=20261122-10:11:12|40=2|38=5|", 1, 11},
        {"0", TIME "55=A|", 2, 55},
        {"D", TIME "11=|55=A|54=1|60=20261122-10:11:12|40=2|38=5|", 4, 11},
        {"D", TIME "11=o|55=A|54=Z|60=20261122-10:11:12|40=2|38=5|", 5, 54},
        {"D", TIME "11=o|55=A|54=1|60=20261122-10:11:12|40=2|38=five|", 6, 38},
        {"D", "11=o|" TIME "55=A|54=1|60=20261122-10:11:12|40=2|38=5|", 14, 52},
        {"D", ORDER "55=B|", 13, 55},
        {"R", TIME "131=q|146=2|55=A|", 16, 146},
        {"R", TIME "131=q|146=1|55=A|38=5|54=1|", 15, 54},
    };
    log_on(false);
    for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++) {
        uint64_t number = n.next_in;
        cr_assert_eq(receive(table[i].type, number, table[i].rest), FIX_VERDICT_REJECTED, "%s",
                     table[i].rest);
        cr_assert(reject_is(table[i].reason, table[i].tag, number), "%s: %d %u", table[i].rest,
                  sent('3')->reason, sent('3')->ref_tag);
        cr_assert_eq(n.next_in, number + 1);
        cr_assert(fix_session_is_up(&s));
    }
}

Test(fix_session_case, case_15_fields_may_come_in_another_order)
{
    static const char *const bodies[] = {
        "35=D|34=2|49=PEER|56=RFQD|" ORDER,
        "35=D|56=RFQD|" TIME "49=PEER|34=3|38=5|40=2|60=20261122-10:11:12|54=1|55=A|11=o|",
        "35=D|49=PEER|34=4|56=RFQD|" TIME "55=A|38=5|11=o|60=20261122-10:11:12|54=1|40=2|93=1|89=x|"};
    log_on(false);
    for (unsigned i = 0; i < 3; i++) {
        enum err e = fix_parse(&msg, bytes, fix_text(bodies[i], bytes));
        fix_session_message(&s, &n, &msg, e, NOW_NS, &out);
        cr_assert_eq(count_verdict(), FIX_VERDICT_APPLICATION, "%s", bodies[i]);
    }
}

/* Each has a gap of its own: the resend is made at once, the peer's comes, and nothing is asked for twice. */
Test(fix_session_case, case_20_both_ask_for_a_resend_at_once)
{
    static char memory[2048];
    log_on(false);
    fix_session_keep(&s, memory, sizeof memory);
    n.next_out = 10;
    receive("0", 7, TIME);
    cr_assert(sent('2') && sent('2')->from == 2 && sent('2')->to == 6);
    n.next_out++;
    receive("2", 8, TIME "7=2|16=3|");
    const struct fix_action *a = action(FIX_ACT_RESEND, 0, 0);
    cr_assert(a && a->from == 2 && a->to == 3);
    cr_assert_null(sent('2'));
    for (uint64_t i = 2; i < 7; i++)
        cr_assert_eq(receive("0", i, "43=Y|122=20261122-10:11:12|" TIME), FIX_VERDICT_ADMIN);
    for (size_t size; fix_session_kept(&s, &n, &size);) {
        enum err e = fix_parse(&msg, fix_session_kept(&s, &n, &size), size);
        fix_session_take(&s, &n, &msg, e, NOW_NS, &out);
        cr_assert_eq(count_verdict(), FIX_VERDICT_ADMIN);
        cr_assert_eq(out.count, 0);
    }
    cr_assert_eq(n.next_in, 9);
}
