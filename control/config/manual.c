/* rfqd.conf(5), out of the table of keys. tools/man/rfqd.conf.5 is what it prints. */
#include <ctype.h>
#include <inttypes.h>

#include "control/config/keys.h"
#include "dataplane/core/decimal.h"

static const char head[] =
    ".\\\" Written by rfqd --keys=man: change control/config/keys.c.\n"
    ".TH RFQD.CONF 5 \"\" \"rfqd " RFQD_VERSION "\" \"rfqd\"\n"
    ".SH NAME\n"
    "rfqd.conf \\- configuration of rfqd\n"
    ".SH DESCRIPTION\n"
    "One file, YAML, checked as a whole before anything starts\n.RB ( \"rfqd \\-\\-check\" ).\n"
    "An unknown key, a key given twice, a value out of range, a name that refers to nothing: each is an "
    "error\n"
    "with file, line, key, and what is allowed.\n"
    ".PP\n"
    ".B rfqctl config reload\n"
    "(or SIGHUP to rfqd) reads it again. Keys marked\n.B live\nare applied then; all others take a restart. "
    "An LP, taker or\n"
    "instrument may come and go at a reload; a session may not.\n";

static const char tail[] = ".SH SEE ALSO\n.BR rfqd (8),\n.BR rfqctl (1)\n";

/* A hyphen that is typed, and a line that does not begin with a request. */
static void put_text(FILE *to, const char *text)
{
    for (; *text; text++)
        fprintf(to, "%s%c", *text == '-' || *text == '\\' ? "\\" : "", *text);
}

void config_print_range(FILE *to, const struct config_key *k)
{
    char low[DECIMAL_TEXT_MAX], high[DECIMAL_TEXT_MAX];
    switch (k->type) {
    case KEY_U8:
    case KEY_U32:
    case KEY_U64:
    case KEY_I64:
        fprintf(to, " %" PRId64 " to %" PRId64 "%s%s.", k->min, k->max, *k->unit ? " " : "", k->unit);
        break;
    case KEY_DECIMAL:
        decimal_print(k->min, low);
        decimal_print(k->max, high);
        fprintf(to, " A decimal%s%s%s, %s to %s.", *k->unit ? " (" : "", k->unit, *k->unit ? ")" : "", low,
                high);
        break;
    case KEY_TEXT:
        fprintf(to, " %" PRId64 " to %" PRId64 " characters.", k->min, k->max);
        break;
    case KEY_ADDRESS:
        fputs(" An address: 127.0.0.1:9880.", to);
        break;
    case KEY_BOOL:
    case KEY_BOOL_U32:
        fputs(" true or false.", to);
        break;
    case KEY_CHOICE_I64:
    case KEY_CHOICE_U32:
    case KEY_CHOICE_U8:
        fputs(" One of:", to);
        for (const struct config_choice *c = k->choices; c->name; c++)
            fprintf(to, "%s %s", c == k->choices ? "" : ",", c->name);
        fputs(".", to);
        break;
    case KEY_NAMES:
        break;
    }
}

static void put_key(FILE *to, const struct config_key *k)
{
    fprintf(to, ".TP\n.B %s\n", k->name);
    put_text(to, k->sentence);
    config_print_range(to, k);
    if (!k->fallback) {
        fputs(" Required.", to);
    } else if (*k->fallback) {
        fputs(" Default: ", to);
        put_text(to, k->fallback);
        fputs(".", to);
    }
    fputs(k->live ? "\n.B live\n" : "\n", to);
}

void config_print_manual(FILE *to)
{
    fputs(head, to);
    for (unsigned s = 0; s < SECTIONS; s++) {
        const char *name = config_sections[s].name ? config_sections[s].name : "top level";
        fputs(".SH ", to);
        for (const char *at = name; *at; at++)
            fputc(toupper((unsigned char)*at), to);
        fprintf(to, "\n%c%s%s.\n", toupper((unsigned char)config_sections[s].sentence[0]),
                config_sections[s].sentence + 1, config_sections[s].list ? ": a list" : "");
        for (unsigned i = 0; i < config_key_count; i++)
            if ((unsigned)config_keys[i].section == s)
                put_key(to, &config_keys[i]);
    }
    fputs(tail, to);
}
