/* Scripts of simulated takers: what each line becomes, and what is said of each line that is wrong. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/decimal.h"
#include "tools/sim/script.h"

#define RFQ    "rfq EURUSD buy 1000000 as a\n"
#define ORDER  RFQ "accept a best\n"
#define SECOND 1000000000ull

static struct script *s;

static void open_script(void)
{
    s = malloc(sizeof *s);
}

static void close_script(void)
{
    free(s);
}

TestSuite(parties_script, .init = open_script, .fini = close_script);

static bool parse(const char *text)
{
    return script_parse(s, text, strlen(text));
}

/* The last step of a script without errors. */
static const struct script_step *last_of(const char *text)
{
    cr_assert(parse(text), "%s: line %u: %s", text, s->errors[0].line, s->errors[0].text);
    return &s->steps[s->count - 1];
}

Test(parties_script, a_request_has_symbol_side_quantity_deadline_and_name)
{
    static const struct {
        const char *line;
        char side;
        int64_t quantity;
        uint64_t deadline_ns;
    } rows[] = {
        {"rfq EURUSD buy 1000000 as a", '1', 1000000 * DECIMAL_SCALE, 0},
        {"rfq EURUSD sell 0.5 deadline 250ms as a", '2', DECIMAL_SCALE / 2, SECOND / 4},
        {"\t rfq  EURUSD two-way 1 deadline 2m as a  # said so", 0, DECIMAL_SCALE, 120 * SECOND},
        {"rfq EURUSD buy 1 deadline 60m as a\r", '1', DECIMAL_SCALE, 3600 * SECOND},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct script_step *step = last_of(rows[i].line);
        cr_assert_eq(step->verb, SCRIPT_RFQ);
        cr_assert_str_eq(step->symbol, "EURUSD");
        cr_assert_eq(step->side, rows[i].side, "%s", rows[i].line);
        cr_assert_eq(step->quantity, rows[i].quantity, "%s", rows[i].line);
        cr_assert_eq(step->time_ns, rows[i].deadline_ns, "%s", rows[i].line);
        cr_assert_str_eq(s->names[step->name], "a");
    }
}

Test(parties_script, each_step_is_what_its_line_says)
{
    static const struct {
        const char *text;
        enum script_verb verb;
        enum script_expectation expectation;
        char side, code;
        unsigned count;
        bool by_order;
        uint64_t time_ns;
        const char *step_text;
    } rows[] = {
        {RFQ "accept a best", SCRIPT_ACCEPT, 0, 0, 0, 1, false, 0, ""},
        {RFQ "accept a rank 2 by order", SCRIPT_ACCEPT, 0, 0, 0, 2, true, 0, ""},
        {"rfq X two-way 1 as a\naccept a best sell by order", SCRIPT_ACCEPT, 0, '2', 0, 1, true, 0, ""},
        {RFQ "pass a", SCRIPT_PASS, 0, 0, 0, 0, false, 0, ""},
        {RFQ "cancel a", SCRIPT_CANCEL, 0, 0, 0, 0, false, 0, ""},
        {ORDER "cancel order a", SCRIPT_CANCEL_ORDER, 0, 0, 0, 0, false, 0, ""},
        {RFQ "resend a", SCRIPT_RESEND, 0, 0, 0, 0, false, 0, ""},
        {"wait 100ms", SCRIPT_WAIT, 0, 0, 0, 0, false, SECOND / 10, ""},
        {"disconnect", SCRIPT_DISCONNECT, 0, 0, 0, 0, false, 0, ""},
        {"disconnect\nwait 1s\nreconnect", SCRIPT_RECONNECT, 0, 0, 0, 0, false, 0, ""},
        {RFQ "raw 35=H|11=$a.order|55=EURUSD|54=1", SCRIPT_RAW, 0, 0, 0, 0, false, 0,
         "35=H|11=$a.order|55=EURUSD|54=1"},
        {"raw \"35=B|148=two words # and no comment|\"", SCRIPT_RAW, 0, 0, 0, 0, false, 0,
         "35=B|148=two words # and no comment|"},
        {RFQ "expect quote a", SCRIPT_EXPECT, SCRIPT_A_QUOTE, 0, 0, 1, false, 5 * SECOND, ""},
        {RFQ "expect quotes a 3 within 2s", SCRIPT_EXPECT, SCRIPT_A_QUOTE, 0, 0, 3, false, 2 * SECOND, ""},
        {ORDER "expect report a new", SCRIPT_EXPECT, SCRIPT_A_REPORT, 0, '0', 0, false, 5 * SECOND, ""},
        {ORDER "expect report a partial", SCRIPT_EXPECT, SCRIPT_A_REPORT, 0, 'P', 0, false, 5 * SECOND, ""},
        {ORDER "expect report a filled", SCRIPT_EXPECT, SCRIPT_A_REPORT, 0, 'F', 0, false, 5 * SECOND, ""},
        {ORDER "expect report a cancelled", SCRIPT_EXPECT, SCRIPT_A_REPORT, 0, '4', 0, false, 5 * SECOND, ""},
        {ORDER "expect report a rejected", SCRIPT_EXPECT, SCRIPT_A_REPORT, 0, '8', 0, false, 5 * SECOND, ""},
        {ORDER "expect report a status", SCRIPT_EXPECT, SCRIPT_A_REPORT, 0, 'I', 0, false, 5 * SECOND, ""},
        {RFQ "expect refused a", SCRIPT_EXPECT, SCRIPT_A_REFUSAL, 0, 0, 0, false, 5 * SECOND, ""},
        {RFQ "expect refused a \"no LP\" within 1s", SCRIPT_EXPECT, SCRIPT_A_REFUSAL, 0, 0, 0, false, SECOND,
         "no LP"},
        {RFQ "expect status a expired", SCRIPT_EXPECT, SCRIPT_A_STATUS, 0, 7, 0, false, 5 * SECOND, ""},
        {RFQ "expect status a cancelled", SCRIPT_EXPECT, SCRIPT_A_STATUS, 0, 4, 0, false, 5 * SECOND, ""},
        {"expect message 35=j|380=3 within 1s", SCRIPT_EXPECT, SCRIPT_A_MESSAGE, 0, 0, 0, false, SECOND,
         "35=j|380=3"},
        {RFQ "expect nothing a within 300ms", SCRIPT_EXPECT, SCRIPT_NOTHING, 0, 0, 0, false, 3 * SECOND / 10,
         ""},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct script_step *step = last_of(rows[i].text);
        cr_assert_eq(step->verb, rows[i].verb, "%s", rows[i].text);
        cr_assert_eq(step->expectation, rows[i].expectation, "%s", rows[i].text);
        cr_assert_eq(step->side, rows[i].side, "%s", rows[i].text);
        cr_assert_eq(step->code, rows[i].code, "%s", rows[i].text);
        cr_assert_eq(step->count, rows[i].count, "%s", rows[i].text);
        cr_assert_eq(step->by_order, rows[i].by_order, "%s", rows[i].text);
        cr_assert_eq(step->time_ns, rows[i].time_ns, "%s", rows[i].text);
        cr_assert_str_eq(step->text, rows[i].step_text, "%s", rows[i].text);
    }
}

Test(parties_script, what_is_wrong_is_said_with_its_line_and_what_is_allowed)
{
    static const struct {
        const char *text;
        unsigned line;
        const char *says;
    } rows[] = {
        {"", 1, "no step"},
        {"# only this\n", 1, "no step"},
        {"\n\nsell EURUSD", 3, "'sell' is no step: rfq, accept"},
        {"rfq", 1, "a symbol is missing; the step is: rfq SYMBOL"},
        {"rfq EURUSDEURUSDEURU buy 1 as a", 1, "15 characters"},
        {"rfq EURUSD bid 1 as a", 1, "'bid' is no side: buy, sell, two-way"},
        {"rfq EURUSD buy 0 as a", 1, "'0' is no quantity"},
        {"rfq EURUSD buy 1e6 as a", 1, "'1e6' is no quantity"},
        {"rfq EURUSD buy -1 as a", 1, "'-1' is no quantity"},
        {"rfq EURUSD buy 1", 1, "'as' is missing"},
        {"rfq EURUSD buy 1 deadline as a", 1, "'as' is no time"},
        {"rfq EURUSD buy 1 deadline 5 as a", 1, "'5' is no time: a whole number and ms, s or m"},
        {"rfq EURUSD buy 1 deadline 0s as a", 1, "'0s' is no time"},
        {"rfq EURUSD buy 1 deadline 61m as a", 1, "'61m' is no time"},
        {"rfq EURUSD buy 1 deadline 99999999999999999999s as a", 1, "is no time"},
        {"rfq EURUSD buy 1 as", 1, "a name is missing"},
        {"rfq EURUSD buy 1 as 7th", 1, "'7th' is no name"},
        {"rfq EURUSD buy 1 as a_name_too_long_", 1, "15 at most"},
        {"rfq EURUSD buy 1 as a b", 1, "'b' is one too many"},
        {RFQ "accept b best", 2, "no `rfq … as b` before"},
        {RFQ "accept a", 2, "best, or rank and its number"},
        {RFQ "accept a rank 0", 2, "'0' is not a whole number from 1 to 64"},
        {RFQ "accept a rank 65", 2, "'65' is not"},
        {RFQ "accept a rank", 2, "a rank is missing"},
        {RFQ "accept a best buy", 2, "two-way requests only"},
        {"rfq X two-way 1 as a\naccept a best", 2, "buy or sell is missing"},
        {RFQ "accept a best by", 2, "'order' is missing"},
        {RFQ "accept a best by hand", 2, "'hand' stands where 'order' is due"},
        {RFQ "cancel order a", 2, "'a' has no order: no `accept a` before"},
        {ORDER RFQ "cancel order a", 4, "'a' has no order"},
        {RFQ "expect", 2, "what is expected is missing"},
        {RFQ "expect rain", 2, "'rain' cannot be expected: quote, quotes"},
        {RFQ "expect quotes a within 2s", 2, "'within' is not a whole number"},
        {RFQ "expect quote a 3", 2, "'3' is one too many; the step is: expect quote NAME"},
        {RFQ "expect report a filled", 2, "'a' has no order"},
        {ORDER "expect report a done", 3, "'done' is no report: new, partial"},
        {RFQ "expect status a gone", 2, "'gone' is no status: accepted, cancelled"},
        {RFQ "expect refused a text", 2, "'text' is one too many"},
        {RFQ "expect refused a \"text", 2, "never closed"},
        {RFQ "expect quote a within", 2, "a time is missing"},
        {"expect message", 1, "a body is missing"},
        {"expect message 58=x", 1, "'58=x' stands where 35 is due"},
        {"raw 35=D|11", 1, "'11' is no field"},
        {"raw 35=D|11=", 1, "'11=' is no field"},
        {"raw 35=D|x=1", 1, "'x=1' is no field"},
        {"raw 35=D|35=D", 1, "35 was before"},
        {"raw 35=D|34=7", 1, "field 34 is made by the session"},
        {"raw 35=D|10=000", 1, "field 10 is made by the session"},
        {"raw 35=ABC|11=1", 1, "'ABC' is no MsgType"},
        {"raw 35=5|58=x", 1, "MsgType 5 is the session's own"},
        {"raw 35=D|11=$a.order", 1, "'$a.order' is no value"},
        {RFQ "raw 35=D|11=$a.price", 2, "'$a.price' is no value"},
        {"raw 35=D|11=$ids", 1, "'$ids' is no value"},
        {"raw 35=B|148=two words", 1, "'words' is one too many"},
        {"wait", 1, "a time is missing"},
        {"reconnect", 1, "no `disconnect` before"},
        {"disconnect\n" RFQ, 2, "'rfq' while disconnected"},
        {"disconnect\ndisconnect", 2, "'disconnect' while disconnected"},
        {"repeat 0\nend", 1, "'0' is not a whole number from 1 to 1000000"},
        {"repeat many\nend", 1, "'many' is not"},
        {"wait 1s\nrepeat 2\nwait 1s", 2, "has no `end`"},
        {"end", 1, "no `repeat` before"},
        {"repeat 2\ndisconnect\nend", 3, "begins connected and ends disconnected"},
        {"repeat 2\nrepeat 2\nrepeat 2\nrepeat 2\nrepeat 2\nend\nend\nend\nend", 5, "more than 4 repeats"},
        {"a a a a a a a a a a a a a a a a a a a a a a a a a", 1, "more than 24 words"},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_assert(!parse(rows[i].text), "%s: is taken", rows[i].text);
        cr_assert_eq(s->errors[0].line, rows[i].line, "%s: line %u", rows[i].text, s->errors[0].line);
        cr_assert(strstr(s->errors[0].text, rows[i].says), "%s: %s", rows[i].text, s->errors[0].text);
    }
}

Test(parties_script, all_errors_are_said_and_none_twice)
{
    cr_assert(!parse("rfq EURUSD bid 1 as a\naccept a worst\nexpect report a filled\nwait\ncancel b\n"));
    cr_assert_eq(s->error_count, 4); /* not of line 3, which is right if lines 1 and 2 are */
    static const unsigned lines[] = {1, 2, 4, 5};
    for (unsigned i = 0; i < 4; i++)
        cr_assert_eq(s->errors[i].line, lines[i]);
}

Test(parties_script, is_bounded_in_lines_steps_names_and_errors)
{
    char *text = malloc(200000), *at = text;
    for (unsigned i = 0; i < SCRIPT_STEPS_MAX; i++)
        at += sprintf(at, "wait 1s\n");
    cr_assert(parse(text));
    strcpy(at, "wait 1s\n");
    cr_assert(!parse(text));
    cr_assert(strstr(s->errors[0].text, "more than 1024 steps"));

    at = text;
    for (unsigned i = 0; i <= SCRIPT_NAMES_MAX; i++)
        at += sprintf(at, "rfq X buy 1 as n%u\n", i);
    cr_assert(!parse(text));
    cr_assert_eq(s->error_count, 1);
    cr_assert_eq(s->errors[0].line, SCRIPT_NAMES_MAX + 1);

    at = text;
    for (unsigned i = 0; i < SCRIPT_ERRORS_MAX + 5; i++)
        at += sprintf(at, "x\n");
    cr_assert(!parse(text));
    cr_assert_eq(s->error_count, SCRIPT_ERRORS_MAX + 5);

    memset(text, ' ', SCRIPT_LINE_SIZE);
    strcpy(text + SCRIPT_LINE_SIZE, "\nwait 1s\n");
    cr_assert(!parse(text));
    cr_assert(strstr(s->errors[0].text, "longer than 511"));
    cr_assert(!script_parse(s, "wait\0 1s", 8));
    cr_assert(strstr(s->errors[0].text, "a zero byte"));
    free(text);
}

Test(parties_script, repeats_jump_to_each_other)
{
    cr_assert(parse("repeat 3\nwait 1s\nrepeat 2\nwait 2s\nend\nend\nwait 3s"));
    cr_assert_eq(s->steps[0].count, 3);
    cr_assert_eq(s->steps[0].jump, 6);
    cr_assert_eq(s->steps[2].jump, 5);
    cr_assert_eq(s->steps[4].jump, 3);
    cr_assert_eq(s->steps[5].jump, 1);
}

static bool value(void *ctx, enum script_value v, unsigned name, char out[ID_TEXT_SIZE])
{
    static const char *const texts[] = {[SCRIPT_ID] = "ID",   [SCRIPT_NOW] = "NOW", [SCRIPT_REQUEST] = "R",
                                        [SCRIPT_QUOTE] = "Q", [SCRIPT_ORDER] = "O", [SCRIPT_ORDER_ID] = NULL};
    (void)ctx;
    if (!texts[v])
        return false;
    snprintf(out, ID_TEXT_SIZE, "%s%u", texts[v], name);
    return true;
}

Test(parties_script, values_are_put_into_bodies)
{
    static const struct {
        const char *body, *is; /* NULL: cannot be */
    } rows[] = {
        {"35=D|11=$id|60=$now", "35=D|11=ID0|60=NOW0"},
        {"131=$b.request|117=$a.quote|11=$b.order", "131=R1|117=Q0|11=O1"},
        {"58=10$$|1=x$id", "58=10$|1=xID0"},
        {"58=plain", "58=plain"},
        {"37=$a.order_id", NULL},
        {"58=much longer than there is room for", NULL},
    };
    const char *at;
    char out[40];
    cr_assert(parse(RFQ "rfq EURUSD sell 1 as b"));
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool fine = script_expand(s, rows[i].body, value, NULL, out, i < 5 ? sizeof out : 20, &at);
        cr_assert_eq(fine, rows[i].is != NULL, "%s", rows[i].body);
        if (fine)
            cr_assert_str_eq(out, rows[i].is);
    }
}
