/* Any bytes through framing, parsing, validation, groups, typed reads and resending. The first byte says how:
 * odd, the rest is the body of one well-framed message ('|' is SOH); even, it is a stream. */
#include "fix/dict.h"
#include "fix/encode.h"
#include "fix/msg.h"
#include "tests/fuzz/fix_inputs.h"

static struct fix_shapes shapes;
static struct fix_msg msg, again;

static void groups(const struct fix_group *outer, unsigned depth);

static void one_group(struct fix_group *g, unsigned depth)
{
    unsigned instances = 0;
    while (fix_group_next(g)) {
        FUZZ_HOLDS(g->first < g->last && g->last <= g->end && g->end <= msg.count);
        FUZZ_HOLDS(fix_group_find(g, g->delimiter) == &msg.fields[g->first]);
        FUZZ_HOLDS(++instances <= g->count);
        if (depth < 4)
            groups(g, depth + 1);
    }
}

static void groups(const struct fix_group *outer, unsigned depth)
{
    for (uint32_t i = outer->first; i < outer->last && i < outer->first + 50; i++) {
        struct fix_group g;
        if (fix_group_begin_inside(outer, msg.fields[i].tag, &g))
            one_group(&g, depth);
    }
}

static void reads(const struct fix_field *f)
{
    uint64_t u;
    int64_t d;
    uint32_t date;
    char c, text[32];
    (void)!fix_field_uint(&msg, f, &u);
    (void)!fix_field_decimal(&msg, f, &d);
    (void)!fix_field_time(&msg, f, &u);
    (void)!fix_field_date(&msg, f, &date);
    (void)!fix_field_char(&msg, f, &c);
    (void)!fix_field_text(&msg, f, text, sizeof text);
}

/* Every field lies in the message between '=' and SOH, one behind the other, and is found by its tag. */
static void structure(enum err parse_error)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < msg.count; i++) {
        const struct fix_field *f = &msg.fields[i];
        FUZZ_HOLDS(f->offset > at && f->offset + f->size < msg.size);
        FUZZ_HOLDS(msg.bytes[f->offset - 1] == '=' && msg.bytes[f->offset + f->size] == FIX_SOH);
        const struct fix_field *first = fix_find(&msg, f->tag);
        FUZZ_HOLDS(first && first <= f && first->tag == f->tag);
        at = f->offset + f->size + 1;
        if (i < 200)
            reads(f);
    }
    FUZZ_HOLDS(parse_error != OK || at == msg.size);
}

/* A resend of whatever was parsed says the same, marked. */
static void resending(void)
{
    static char room[2 * FIX_MESSAGE_SIZE_MAX];
    size_t size, framed;
    enum err parse_error;
    if (fix_encode_resend(msg.bytes, msg.size, 1795342272000000000u, FIX_TIME_US, room, sizeof room, &size) !=
        OK)
        return;
    FUZZ_HOLDS(fix_frame_parse(&again, room, size, &framed, &parse_error) == FIX_FRAME_OK && framed == size);
    FUZZ_HOLDS(parse_error == OK && again.poss_dup);
}

static void message(enum err parse_error)
{
    struct fix_refusal why;
    structure(parse_error);
    if (parse_error != OK)
        return;
    for (unsigned user = 0; user < 2; user++) {
        enum err e = fix_validate(&msg, user, &why);
        FUZZ_HOLDS(e == OK || (why.text && why.reason >= 0 && why.reason <= 16));
        msg.shapes = &shapes; /* of the messages before it in this input */
        FUZZ_HOLDS(fix_validate(&msg, user, &why) == e);
        msg.shapes = NULL;
    }
    for (uint32_t i = 0; i < msg.count && i < 200; i++) {
        struct fix_group g;
        if (fix_group_begin(&msg, msg.fields[i].tag, &g))
            one_group(&g, 0);
    }
    resending();
}

static void stream(const char *bytes, size_t size)
{
    size_t framed = 0, alone = 0;
    for (size_t at = 0; at < size; at += framed) {
        enum err parse_error = OK;
        enum fix_frame_status s = fix_frame_parse(&msg, bytes + at, size - at, &framed, &parse_error);
        FUZZ_HOLDS(fix_frame(bytes + at, size - at, &alone) == s);
        if (s == FIX_FRAME_PARTIAL || s == FIX_FRAME_TOO_LONG)
            return;
        FUZZ_HOLDS(framed == alone && framed > 0 && framed <= size - at);
        if (s == FIX_FRAME_OK)
            message(parse_error);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char wrapped[FIX_MESSAGE_SIZE_MAX];
    if (size == 0 || size > FUZZ_INPUT_MAX)
        return 0;
    memset(&shapes, 0, sizeof shapes);
    if (data[0] & 1)
        stream(wrapped, fix_wrap(data + 1, size - 1, wrapped));
    else
        stream((const char *)data + 1, size - 1);
    if (size < FUZZ_INPUT_MAX) { /* as it is, without a frame */
        enum err e = fix_parse(&msg, (const char *)data + 1, size - 1);
        structure(e);
    }
    return 0;
}

#define HEAD "34=7|49=T|52=20261122-10:11:12.123|56=R|"
const struct fuzz_seed fuzz_corpus[] = {
    FUZZ_SEED("135=D|" HEAD "11=o|55=EUR/USD|54=1|60=20261122-10:11:12|38=1000000|40=2|44=1.08345|59=0|"),
    FUZZ_SEED("135=R|" HEAD
              "131=q|146=2|55=A|54=1|38=5|453=2|448=A|447=D|452=1|802=1|523=s|803=2|448=B|447=D|452=3|"
              "55=B|555=1|600=L|624=1|539=1|524=n|525=D|538=1|58=t|"),
    FUZZ_SEED("135=i|" HEAD "117=q|296=1|302=s|304=1|295=2|299=e1|55=A|132=1.1|299=e2|55=B|133=2|"),
    FUZZ_SEED("135=B|" HEAD "148=h|33=2|58=one|354=5|355=a|b=c|58=two|95=6|96=x|10=0|"),
    FUZZ_SEED("135=8|" HEAD
              "37=o|17=e|150=F|39=2|55=A|54=1|151=0|14=1|6=1|167=FOR|18=1 2|200=202612w2|5001=u|"),
    FUZZ_SEED("135=A|" HEAD "98=0|108=30|141=Y|789=5|553=u|554=p|"),
    FUZZ_SEED("08=FIX.4.4\x01"
              "9=48\x01"
              "35=0\x01"
              "34=2\x01"
              "49=A\x01"
              "52=20261122-10:11:12\x01"
              "56=B\x01"
              "10=111\x01"
              "8=FIX.4.4\x01"
              "9=5\x01"
              "35=0\x01"
              "10=161\x01"
              "8=FIX"),
};
const unsigned fuzz_corpus_count = sizeof fuzz_corpus / sizeof fuzz_corpus[0];
const char *const fuzz_tokens[] = {FIX_TOKENS};
