/* A peer that may say anything: the first byte chooses role and configuration, then come lines, each either a
 * message without its frame ('|' is SOH) or, after '+', so many seconds that pass. What must hold: numbers
 * move as the faces say, everything that is to be sent can be encoded and is itself valid, and nothing
 * happens after the end. */
#include "fix/fix_dict.h"
#include "fix/session.h"
#include "tests/fuzz/fix_inputs.h"

static struct fix_msg msg, sent;
static struct fix_session session;
static struct fix_session_numbers numbers;
static uint64_t now_ns;
static bool ended;

static void encode(const struct fix_action *a)
{
    char room[1024];
    const char *bytes;
    size_t size, framed;
    enum err parse_error;
    struct fix_refusal why;
    FUZZ_HOLDS(fix_session_encode(&session, a, numbers.next_out, numbers.next_in, now_ns, room, sizeof room,
                                  &bytes, &size) == OK);
    FUZZ_HOLDS(fix_frame_parse(&sent, bytes, size, &framed, &parse_error) == FIX_FRAME_OK &&
               parse_error == OK);
    FUZZ_HOLDS(sent.seq == numbers.next_out);
    /* The type that a Reject quotes is the peer's, and may be none. */
    FUZZ_HOLDS(fix_validate(&sent, false, &why) == OK || (a->msg_type == '3' && why.ref_tag == 372));
    numbers.next_out++;
}

static void act(const struct fix_actions *out)
{
    FUZZ_HOLDS(out->count <= FIX_ACTIONS_MAX);
    for (unsigned i = 0; i < out->count; i++) {
        const struct fix_action *a = &out->list[i];
        FUZZ_HOLDS(!ended);
        if (a->type == FIX_ACT_SEND)
            encode(a);
        else if (a->type == FIX_ACT_RESEND) {
            FUZZ_HOLDS(a->from > 0 && a->from <= a->to && a->to < numbers.next_out);
        } else if (a->type == FIX_ACT_RESET) {
            FUZZ_HOLDS(session.config.admit_reset || session.config.reset_on_logon);
        } else if (a->type == FIX_ACT_DISCONNECT) {
            FUZZ_HOLDS(i + 1 == out->count);
            ended = true;
        }
    }
}

static void take(enum err e, bool was_kept)
{
    struct fix_actions out;
    (was_kept ? fix_session_take : fix_session_message)(&session, &numbers, &msg, e, now_ns, &out);
    for (unsigned i = 0; i < out.count; i++)
        if (out.list[i].type == FIX_ACT_RESET)
            numbers = (struct fix_session_numbers){1, 1};
    if (out.verdict == FIX_VERDICT_ADVANCE) {
        FUZZ_HOLDS(out.advance_to >= numbers.next_in);
        numbers.next_in = out.advance_to;
    } else if (out.verdict == FIX_VERDICT_KEPT) {
        FUZZ_HOLDS(!ended && !was_kept && msg.seq > numbers.next_in && fix_kept_has(&session.kept, msg.seq));
    } else if (out.verdict != FIX_VERDICT_IGNORED) {
        FUZZ_HOLDS(!ended && msg.seq == numbers.next_in);
        FUZZ_HOLDS(out.verdict != FIX_VERDICT_APPLICATION || (e == OK && fix_session_is_up(&session)) ||
                   session.state == FIX_LOGOUT_SENT);
        numbers.next_in++;
    }
    act(&out);
}

static void receive(const uint8_t *line, size_t size)
{
    static char wrapped[FUZZ_INPUT_MAX + 64];
    const char *bytes;
    size_t kept_size;
    take(fix_parse(&msg, wrapped, fix_wrap(line, size, wrapped)), false);
    while ((bytes = fix_session_kept(&session, &numbers, &kept_size)) != NULL) {
        FUZZ_HOLDS(!ended);
        take(fix_parse(&msg, bytes, kept_size), true);
    }
}

static void start(uint8_t how)
{
    static char kept[4096];
    static const size_t kept_sizes[] = {sizeof kept, 0, 300, 1000};
    struct fix_session_config c = {.sender = "R",
                                   .target = "T",
                                   .initiator = how & 1,
                                   .heartbeat_s = 30,
                                   .logon_timeout_ms = 10000,
                                   .logout_timeout_ms = 2000,
                                   .time_tolerance_s = how & 2 ? 120 : 0,
                                   .admit_reset = how & 4,
                                   .reset_on_logon = (how & 12) == 12,
                                   .validate = how & 16,
                                   .admit_user_tags = how & 32,
                                   .next_expected = how & 64,
                                   .resend_chunk = how & 64 ? 3 : 0};
    struct fix_actions out;
    fix_session_init(&session, &c);
    fix_session_keep(&session, kept, kept_sizes[how >> 5 & 3]);
    numbers = (struct fix_session_numbers){how & 128 ? 5 : 1, how & 128 ? 9 : 1};
    now_ns = 1795342272000000000u;
    ended = false;
    fix_session_connected(&session, &numbers, now_ns, &out);
    if (c.initiator && c.reset_on_logon)
        numbers = (struct fix_session_numbers){1, 1};
    act(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > FUZZ_INPUT_MAX)
        return 0;
    start(data[0]);
    for (size_t at = 1; at < size;) {
        const uint8_t *line = data + at, *end = memchr(line, '\n', size - at);
        size_t length = end ? (size_t)(end - line) : size - at;
        struct fix_actions out;
        at += length + 1;
        if (length > 1 && line[0] == '+') {
            now_ns += (line[1] & 63) * 1000000000ull;
            fix_session_tick(&session, &numbers, now_ns, &out);
            act(&out);
        } else {
            receive(line, length);
        }
    }
    return 0;
}

#define H(type, seq) "35=" type "|34=" seq "|49=T|56=R|52=20261122-10:11:12|"
const struct fuzz_seed fuzz_corpus[] = {
    FUZZ_SEED(
        "\x10" H("A", "1") "98=0|108=30|\n" H("D", "2") "11=o|55=A|54=1|60=20261122-10:11:12|40=2|38=5|\n" H(
            "1", "3") "112=id|\n+9\n" H("2", "4") "7=1|16=0|\n" H("5", "5") "\n"),
    FUZZ_SEED("\x11" H("A", "1") "98=0|108=30|\n+?\n" H("0", "2") "\n" H("0", "9") "\n" H(
        "4", "3") "43=Y|123=Y|36=9|\n" H("4", "9") "36=20|\n" H("3", "20") "45=1|\n+?\n+?\n"),
    FUZZ_SEED("\x16" H("A", "1") "98=0|108=30|141=Y|\n" H("A", "1") "98=0|108=30|141=Y|\n" H(
        "D", "2") "43=Y|122=20261122-10:11:10|11=o|\n" H("D", "1") "43=Y|122=20261122-10:11:10|11=o|\n"),
    FUZZ_SEED(
        "\xd0" H("A", "5") "98=0|108=30|789=3|\n" H("2", "7") "7=3|16=5|\n" H("5", "6") "58=bye|\n+9\n"),
    FUZZ_SEED("\x12" H("A", "1") "98=0|108=30|\n" H("0", "5") "\n" H("2", "6") "7=1|16=0|\n" H(
        "1", "9") "112=id|\n" H("4", "2") "43=Y|123=Y|36=5|\n" H("4", "7") "43=Y|123=Y|36=9|\n"),
    FUZZ_SEED("\x1d" H("A", "1") "98=0|108=30|141=Y|\n" H("D", "2") "garbage|\n" H("ZZ", "2") "\n"),
};
#undef H
const unsigned fuzz_corpus_count = sizeof fuzz_corpus / sizeof fuzz_corpus[0];
const char *const fuzz_tokens[] = {"\n", "\n+9\n", FIX_TOKENS};
