#include "tools/sim/script.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/decimal.h"

#define WORDS_MAX      24
#define WITHIN_NS      5000000000ull /* where an expectation does not say */
#define TIME_UNITS     "a whole number and ms, s or m, up to 60m"
#define BODY_IS        "fields TAG=VALUE with | between, 35 first"
#define ENTRIES(table) (sizeof(table) / sizeof *(table))

struct word {
    char *text;
    bool quoted;
};

struct parsing {
    struct script *script;
    struct script_step *step; /* of this line */
    unsigned line;
    const char *usage; /* of the step in hand */
    struct word words[WORDS_MAX];
    unsigned count, at;
    bool failed, away; /* this line has an error; after a disconnect */
    bool ordered[SCRIPT_NAMES_MAX], two_way[SCRIPT_NAMES_MAX];
    unsigned depth;
    struct {
        unsigned step;
        bool away;
    } open[SCRIPT_DEPTH_MAX];
};

/* Errors
 * ------------------------------------------------------------------------------------------------------------
 */

/* Notes the first thing wrong with a line, and what the step should be. Always false. */
__attribute__((format(printf, 2, 3))) static bool wrong(struct parsing *p, const char *format, ...)
{
    struct script *s = p->script;
    if (p->failed)
        return false;
    p->failed = true;
    if (s->error_count < SCRIPT_ERRORS_MAX) {
        struct script_error *e = &s->errors[s->error_count];
        va_list a;
        e->line = p->line;
        va_start(a, format);
        int used = vsnprintf(e->text, sizeof e->text, format, a);
        va_end(a);
        if (p->usage && (size_t)used < sizeof e->text)
            snprintf(e->text + used, sizeof e->text - (size_t)used, "; the step is: %s", p->usage);
    }
    s->error_count++;
    return false;
}

/* Words
 * -------------------------------------------------------------------------------------------------------------
 */

/* Cuts the line in place; a comment ends it. */
static bool split(struct parsing *p, char *line)
{
    char *at = line;
    p->count = p->at = 0;
    for (;;) {
        at += strspn(at, " \t\r");
        if (!*at || *at == '#') {
            *at = 0;
            return true;
        }
        if (p->count == WORDS_MAX)
            return wrong(p, "more than %d words", WORDS_MAX);
        struct word *w = &p->words[p->count++];
        w->quoted = *at == '"';
        w->text = at + w->quoted;
        at = w->quoted ? strchr(w->text, '"') : w->text + strcspn(w->text, " \t\r");
        if (!at)
            return wrong(p, "a quotation mark is never closed");
        if (*at)
            *at++ = 0;
    }
}

/* NULL: there is none. */
static const char *peek(const struct parsing *p)
{
    return p->at < p->count && !p->words[p->at].quoted ? p->words[p->at].text : NULL;
}

static bool take_word(struct parsing *p, const char *word)
{
    const char *is = peek(p);
    if (!is || strcmp(is, word) != 0)
        return false;
    p->at++;
    return true;
}

/* The next word; `what` says what it should be. */
static const char *need(struct parsing *p, const char *what)
{
    if (p->at < p->count)
        return p->words[p->at++].text;
    wrong(p, "%s is missing", what);
    return NULL;
}

static bool need_word(struct parsing *p, const char *word)
{
    if (take_word(p, word))
        return true;
    return p->at < p->count ? wrong(p, "'%.40s' stands where '%s' is due", p->words[p->at].text, word)
                            : wrong(p, "'%s' is missing", word);
}

static bool need_end(struct parsing *p)
{
    return p->at == p->count || wrong(p, "'%.40s' is one too many", p->words[p->at].text);
}

struct choice {
    const char *word;
    char value;
};

static bool find_choice(const char *word, const struct choice *c, size_t count, char *out)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(c[i].word, word) == 0) {
            *out = c[i].value;
            return true;
        }
    return false;
}

static bool need_choice(struct parsing *p, const char *what, const struct choice *c, size_t count, char *out)
{
    char allowed[128] = "";
    const char *word = need(p, what);
    if (!word)
        return false;
    if (find_choice(word, c, count, out))
        return true;
    for (size_t i = 0; i < count; i++)
        snprintf(allowed + strlen(allowed), sizeof allowed - strlen(allowed), "%s%s", i ? ", " : "",
                 c[i].word);
    return wrong(p, "'%.40s' is no %s: %s", word, what, allowed);
}

static bool need_number(struct parsing *p, const char *what, unsigned most, unsigned *out)
{
    char *end;
    const char *word = need(p, what);
    if (!word)
        return false;
    unsigned long n = isdigit((unsigned char)*word) ? strtoul(word, &end, 10) : 0;
    if (n < 1 || *end || n > most)
        return wrong(p, "%s '%.40s' is not a whole number from 1 to %u", what, word, most);
    *out = (unsigned)n;
    return true;
}

static bool need_time(struct parsing *p, uint64_t *out)
{
    static const struct {
        const char *unit;
        uint64_t ns;
    } units[] = {{"ms", 1000000}, {"s", 1000000000}, {"m", 60000000000}};
    char *end;
    const char *word = need(p, "a time");
    if (!word)
        return false;
    unsigned long long n = isdigit((unsigned char)*word) ? strtoull(word, &end, 10) : 0;
    for (unsigned i = 0; n && i < ENTRIES(units); i++)
        if (strcmp(end, units[i].unit) == 0 && n <= SCRIPT_TIME_MAX / units[i].ns) {
            *out = n * units[i].ns;
            return true;
        }
    return wrong(p, "'%.40s' is no time: " TIME_UNITS, word);
}

static bool need_quantity(struct parsing *p, int64_t *out)
{
    const char *word = need(p, "a quantity");
    if (!word)
        return false;
    return (decimal_parse(word, strlen(word), out) == OK && *out > 0) ||
           wrong(p, "'%.40s' is no quantity: a decimal above 0", word);
}

/* Names
 * -------------------------------------------------------------------------------------------------------------
 */

static bool is_name(const char *text, size_t size)
{
    if (!size || size >= SCRIPT_NAME_SIZE || !isalpha((unsigned char)*text))
        return false;
    for (size_t i = 0; i < size; i++)
        if (!isalnum((unsigned char)text[i]) && text[i] != '_')
            return false;
    return true;
}

static unsigned find_name(const struct script *s, const char *text, size_t size)
{
    unsigned i = 0;
    while (i < s->name_count && (strlen(s->names[i]) != size || memcmp(s->names[i], text, size) != 0))
        i++;
    return i;
}

static bool need_name(struct parsing *p)
{
    const char *word = need(p, "a name");
    if (!word)
        return false;
    p->step->name = find_name(p->script, word, strlen(word));
    return p->step->name < p->script->name_count || wrong(p, "no `rfq … as %.40s` before", word);
}

static bool need_ordered(struct parsing *p)
{
    const unsigned name = p->step->name;
    return p->ordered[name] || wrong(p, "'%s' has no order: no `accept %s` before", p->script->names[name],
                                     p->script->names[name]);
}

static bool new_name(struct parsing *p, const char *word)
{
    struct script *s = p->script;
    if (!word)
        return false;
    if (!is_name(word, strlen(word)))
        return wrong(p, "'%.40s' is no name: a letter, then letters, digits and _, %d at most", word,
                     SCRIPT_NAME_SIZE - 1);
    unsigned i = find_name(s, word, strlen(word));
    if (i == SCRIPT_NAMES_MAX)
        return wrong(p, "more than %d names", SCRIPT_NAMES_MAX);
    if (i == s->name_count)
        strcpy(s->names[s->name_count++], word);
    p->step->name = i;
    p->ordered[i] = false;
    p->two_way[i] = !p->step->side;
    return true;
}

/* Bodies
 * ------------------------------------------------------------------------------------------------------------
 */

static const struct {
    const char *text;
    enum script_value value;
} members[] = {{"request", SCRIPT_REQUEST},
               {"quote", SCRIPT_QUOTE},
               {"order", SCRIPT_ORDER},
               {"order_id", SCRIPT_ORDER_ID}};

static size_t word_size(const char *at)
{
    size_t n = 0;
    while (isalnum((unsigned char)at[n]) || at[n] == '_')
        n++;
    return n;
}

/* What stands behind a dollar sign; returns its size, 0: nothing that is known. */
static size_t value_at(const struct script *s, const char *at, enum script_value *value, unsigned *name)
{
    size_t size = word_size(at);
    *name = 0;
    if (at[size] != '.') {
        *value = size == 2 ? SCRIPT_ID : SCRIPT_NOW;
        return (size == 2 && memcmp(at, "id", 2) == 0) || (size == 3 && memcmp(at, "now", 3) == 0) ? size : 0;
    }
    *name = find_name(s, at, size);
    const char *member = at + size + 1;
    size_t member_size = word_size(member);
    for (unsigned i = 0; *name < s->name_count && i < ENTRIES(members); i++)
        if (strlen(members[i].text) == member_size && memcmp(members[i].text, member, member_size) == 0) {
            *value = members[i].value;
            return size + 1 + member_size;
        }
    return 0;
}

bool script_expand(const struct script *s, const char *body,
                   bool (*value)(void *ctx, enum script_value v, unsigned name, char out[ID_TEXT_SIZE]),
                   void *ctx, char *out, size_t out_size, const char **at)
{
    size_t used = 0;
    for (*at = body; **at;) {
        char text[ID_TEXT_SIZE] = {**at, 0};
        size_t size = 1;
        if (**at == '$' && (*at)[1] == '$') {
            size = 2;
        } else if (**at == '$') {
            enum script_value v;
            unsigned name;
            size = value_at(s, *at + 1, &v, &name);
            if (!size++ || !value(ctx, v, name, text))
                return false;
        }
        if (used + strlen(text) >= out_size)
            return false;
        strcpy(out + used, text);
        used += strlen(text);
        *at += size;
    }
    out[used] = 0;
    return true;
}

/* The session makes these: BeginString, BodyLength, CheckSum, MsgSeqNum, CompIDs, SendingTime. */
static bool is_of_the_session(unsigned long tag)
{
    return tag == 8 || tag == 9 || tag == 10 || tag == 34 || tag == 49 || tag == 52 || tag == 56;
}

static bool check_type(struct parsing *p, const char *type, size_t size)
{
    if (size < 1 || size > 2 || !isalnum((unsigned char)type[0]) || !isalnum((unsigned char)type[size - 1]))
        return wrong(p, "'%.*s' is no MsgType: one or two letters or digits", (int)size, type);
    return size == 2 || !strchr("01245A", type[0]) ||
           wrong(p, "MsgType %c is the session's own: 0, 1, 2, 4, 5 and A are", type[0]);
}

static bool check_field(struct parsing *p, const char *field, size_t size, bool is_first, bool is_raw)
{
    char *end;
    unsigned long tag = isdigit((unsigned char)*field) ? strtoul(field, &end, 10) : 0;
    if (!tag || tag > UINT32_MAX || *end != '=' || end + 1 >= field + size)
        return wrong(p, "'%.*s' is no field: " BODY_IS, (int)size, field);
    if (is_first != (tag == 35))
        return wrong(p, "'%.*s' stands where %s: " BODY_IS, (int)size, field,
                     is_first ? "35 is due" : "35 was before");
    if (is_raw && is_of_the_session(tag))
        return wrong(p, "field %lu is made by the session", tag);
    return tag != 35 || !is_raw || check_type(p, end + 1, (size_t)(field + size - end - 1));
}

static bool check_values(struct parsing *p, const char *body)
{
    enum script_value value;
    unsigned name;
    for (const char *at = body; (at = strchr(at, '$')) != NULL; at++) {
        if (at[1] == '$')
            at++;
        else if (!value_at(p->script, at + 1, &value, &name))
            return wrong(p,
                         "'%.20s' is no value: $id, $now, $$, and of a name $a.request, $a.quote, $a.order, "
                         "$a.order_id",
                         at);
    }
    return true;
}

static bool need_body(struct parsing *p, bool is_raw)
{
    const char *body = need(p, "a body");
    if (!body)
        return false;
    for (const char *field = body; field;) {
        size_t size = strcspn(field, "|");
        if (!check_field(p, field, size, field == body, is_raw))
            return false;
        field = field[size] ? field + size + 1 : NULL;
        if (field && !*field)
            break; /* a final | as in a log */
    }
    strcpy(p->step->text, body);
    return check_values(p, body);
}

/* Steps
 * -------------------------------------------------------------------------------------------------------------
 */

static const struct choice sides[] = {{"buy", '1'}, {"sell", '2'}, {"two-way", 0}};
static const struct choice reports[] = {{"new", '0'},       {"partial", 'P'},  {"filled", 'F'},
                                        {"cancelled", '4'}, {"rejected", '8'}, {"status", 'I'}};
/* QuoteStatus (297) of rfqd's QuoteStatusReports. */
static const struct choice statuses[] = {{"accepted", 0}, {"cancelled", 4}, {"rejected", 5},
                                         {"expired", 7},  {"not_found", 9}, {"pending", 10}};

static bool parse_request(struct parsing *p)
{
    struct script_step *s = p->step;
    const char *symbol = need(p, "a symbol");
    if (!symbol)
        return false;
    if (strlen(symbol) >= sizeof s->symbol)
        return wrong(p, "'%.40s' is no symbol: %zu characters at most", symbol, sizeof s->symbol - 1);
    strcpy(s->symbol, symbol);
    if (!need_choice(p, "side", sides, ENTRIES(sides), &s->side) || !need_quantity(p, &s->quantity))
        return false;
    if (take_word(p, "deadline") && !need_time(p, &s->time_ns))
        return false;
    return need_word(p, "as") && new_name(p, need(p, "a name"));
}

/* Lines that follow are judged as if a faulty one had given its name. */
static bool parse_rfq(struct parsing *p)
{
    if (parse_request(p))
        return true;
    if (p->count > 1 && strcmp(p->words[p->count - 2].text, "as") == 0)
        new_name(p, p->words[p->count - 1].text);
    return false;
}

static bool parse_accept(struct parsing *p)
{
    struct script_step *s = p->step;
    if (!need_name(p))
        return false;
    p->ordered[s->name] = true; /* even where the rest is wrong: later lines are judged as if it were right */
    s->count = 1;
    if (take_word(p, "rank")) {
        if (!need_number(p, "a rank", 64, &s->count))
            return false;
    } else if (!take_word(p, "best")) {
        return wrong(p, "which quote is missing: best, or rank and its number");
    }
    const char *word = peek(p);
    bool has_side = word && find_choice(word, sides, 2, &s->side);
    p->at += has_side;
    if (has_side != p->two_way[s->name])
        return wrong(p, has_side ? "a side here is for two-way requests only"
                                 : "buy or sell is missing: the request was two-way");
    if (take_word(p, "by")) {
        s->by_order = true;
        return need_word(p, "order");
    }
    return true;
}

static bool parse_name_only(struct parsing *p)
{
    return need_name(p);
}

static bool parse_cancel(struct parsing *p)
{
    if (!take_word(p, "order"))
        return need_name(p);
    p->step->verb = SCRIPT_CANCEL_ORDER;
    return need_name(p) && need_ordered(p);
}

static bool parse_raw(struct parsing *p)
{
    return need_body(p, true);
}

static bool parse_expected_quotes(struct parsing *p)
{
    p->step->count = 1;
    return need_name(p);
}

static bool parse_expected_count(struct parsing *p)
{
    p->step->expectation = SCRIPT_A_QUOTE;
    return need_name(p) && need_number(p, "a number of quotes", 1000, &p->step->count);
}

static bool parse_expected_report(struct parsing *p)
{
    return need_name(p) && need_ordered(p) &&
           need_choice(p, "report", reports, ENTRIES(reports), &p->step->code);
}

static bool parse_expected_refusal(struct parsing *p)
{
    if (!need_name(p))
        return false;
    if (p->at < p->count && p->words[p->at].quoted)
        strcpy(p->step->text, p->words[p->at++].text);
    return true;
}

static bool parse_expected_status(struct parsing *p)
{
    return need_name(p) && need_choice(p, "status", statuses, ENTRIES(statuses), &p->step->code);
}

static bool parse_expected_message(struct parsing *p)
{
    return need_body(p, false);
}

static const struct {
    const char *word;
    enum script_expectation expectation;
    bool (*parse)(struct parsing *p);
    const char *usage;
} expectations[] = {
    {"quote", SCRIPT_A_QUOTE, parse_expected_quotes, "expect quote NAME [within TIME]"},
    {"quotes", SCRIPT_A_QUOTE, parse_expected_count, "expect quotes NAME NUMBER [within TIME]"},
    {"report", SCRIPT_A_REPORT, parse_expected_report,
     "expect report NAME new|partial|filled|cancelled|rejected|status [within TIME]"},
    {"refused", SCRIPT_A_REFUSAL, parse_expected_refusal, "expect refused NAME [\"TEXT\"] [within TIME]"},
    {"status", SCRIPT_A_STATUS, parse_expected_status,
     "expect status NAME accepted|cancelled|rejected|expired|not_found|pending [within TIME]"},
    {"message", SCRIPT_A_MESSAGE, parse_expected_message,
     "expect message 35=TYPE|TAG=VALUE|... [within TIME]"},
    {"nothing", SCRIPT_NOTHING, parse_name_only, "expect nothing NAME [within TIME]"},
};

static bool parse_expect(struct parsing *p)
{
    const char *word = need(p, "what is expected");
    if (!word)
        return false;
    p->step->time_ns = WITHIN_NS;
    for (unsigned i = 0; i < ENTRIES(expectations); i++)
        if (strcmp(expectations[i].word, word) == 0) {
            p->usage = expectations[i].usage;
            p->step->expectation = expectations[i].expectation;
            return expectations[i].parse(p) && (!take_word(p, "within") || need_time(p, &p->step->time_ns));
        }
    return wrong(
        p, "'%.40s' cannot be expected: quote, quotes, report, refused, status, message, nothing can", word);
}

static bool parse_wait(struct parsing *p)
{
    return need_time(p, &p->step->time_ns);
}

static bool parse_disconnect(struct parsing *p)
{
    return p->away = true;
}

static bool parse_reconnect(struct parsing *p)
{
    if (!p->away)
        return wrong(p, "there is no `disconnect` before it");
    p->away = false;
    return true;
}

static bool parse_repeat(struct parsing *p)
{
    if (p->depth == SCRIPT_DEPTH_MAX)
        return wrong(p, "more than %d repeats in one another", SCRIPT_DEPTH_MAX);
    p->open[p->depth].step = (unsigned)(p->step - p->script->steps);
    p->open[p->depth++].away = p->away;
    return need_number(p, "how often", SCRIPT_TIMES_MAX, &p->step->count);
}

static bool parse_end(struct parsing *p)
{
    if (!p->depth)
        return wrong(p, "there is no `repeat` before it");
    const unsigned repeat = p->open[--p->depth].step;
    p->script->steps[repeat].jump = (unsigned)(p->step - p->script->steps) + 1;
    p->step->jump = repeat + 1;
    return p->away == p->open[p->depth].away ||
           wrong(p, "the repeat of line %u begins %s and ends %s", p->script->steps[repeat].line,
                 p->away ? "connected" : "disconnected", p->away ? "disconnected" : "connected");
}

static const struct {
    const char *word;
    enum script_verb verb;
    bool needs_session;
    bool (*parse)(struct parsing *p);
    const char *usage;
} verbs[] = {
    {"rfq", SCRIPT_RFQ, true, parse_rfq, "rfq SYMBOL buy|sell|two-way QUANTITY [deadline TIME] as NAME"},
    {"accept", SCRIPT_ACCEPT, true, parse_accept, "accept NAME best|rank NUMBER [buy|sell] [by order]"},
    {"pass", SCRIPT_PASS, true, parse_name_only, "pass NAME"},
    {"cancel", SCRIPT_CANCEL, true, parse_cancel, "cancel [order] NAME"},
    {"resend", SCRIPT_RESEND, true, parse_name_only, "resend NAME"},
    {"raw", SCRIPT_RAW, true, parse_raw, "raw 35=TYPE|TAG=VALUE|..."},
    {"expect", SCRIPT_EXPECT, true, parse_expect, NULL},
    {"wait", SCRIPT_WAIT, false, parse_wait, "wait TIME"},
    {"disconnect", SCRIPT_DISCONNECT, true, parse_disconnect, "disconnect"},
    {"reconnect", SCRIPT_RECONNECT, false, parse_reconnect, "reconnect"},
    {"repeat", SCRIPT_REPEAT, false, parse_repeat, "repeat NUMBER"},
    {"end", SCRIPT_END, false, parse_end, "end"},
};

static bool parse_step(struct parsing *p)
{
    const char *word = need(p, "a step");
    for (unsigned i = 0; i < ENTRIES(verbs); i++) {
        if (strcmp(verbs[i].word, word) != 0)
            continue;
        p->usage = verbs[i].usage;
        p->step->verb = verbs[i].verb;
        if (verbs[i].needs_session && p->away)
            return wrong(p, "'%s' while disconnected: `reconnect` comes first", word);
        return verbs[i].parse(p) && need_end(p);
    }
    char allowed[128] = "";
    for (unsigned i = 0; i < ENTRIES(verbs); i++)
        snprintf(allowed + strlen(allowed), sizeof allowed - strlen(allowed), "%s%s", i ? ", " : "",
                 verbs[i].word);
    return wrong(p, "'%.40s' is no step: %s", word, allowed);
}

/* The text
 * -------------------------------------------------------------------------------------------------------------
 */

static void parse_line(struct parsing *p, const char *text, size_t size)
{
    char line[SCRIPT_LINE_SIZE];
    struct script *s = p->script;
    p->failed = false;
    p->usage = NULL;
    if (size >= sizeof line) {
        wrong(p, "the line is longer than %d characters", SCRIPT_LINE_SIZE - 1);
        return;
    }
    if (memchr(text, 0, size)) {
        wrong(p, "a zero byte");
        return;
    }
    memcpy(line, text, size);
    line[size] = 0;
    if (!split(p, line) || !p->count)
        return;
    if (s->count == SCRIPT_STEPS_MAX) {
        wrong(p, "more than %d steps", SCRIPT_STEPS_MAX);
        return;
    }
    p->step = &s->steps[s->count++];
    memset(p->step, 0, sizeof *p->step);
    p->step->line = p->line;
    size_t end = (size_t)(p->words[p->count - 1].text - line) + strlen(p->words[p->count - 1].text) +
                 p->words[p->count - 1].quoted;
    size_t begin = strspn(text, " \t");
    memcpy(p->step->source, text + begin, end - begin);
    parse_step(p);
}

bool script_parse(struct script *s, const char *text, size_t size)
{
    struct parsing p = {.script = s};
    s->count = s->name_count = s->error_count = 0;
    for (size_t at = 0; at < size;) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t length = end ? (size_t)(end - text) - at : size - at;
        p.line++;
        parse_line(&p, text + at, length);
        at += length + 1;
    }
    p.usage = NULL;
    while (p.depth) {
        p.failed = false;
        p.line = s->steps[p.open[--p.depth].step].line;
        wrong(&p, "this `repeat` has no `end`");
    }
    if (!s->count && !s->error_count) {
        p.line = 1;
        p.failed = false;
        wrong(&p, "there is no step in it");
    }
    return !s->error_count;
}

void script_usage(FILE *to)
{
    for (unsigned i = 0; i < ENTRIES(verbs); i++)
        if (verbs[i].usage)
            fprintf(to, "  %s\n", verbs[i].usage);
        else
            for (unsigned e = 0; e < ENTRIES(expectations); e++)
                fprintf(to, "  %s\n", expectations[e].usage);
}
