#include "tools/ctl/complete.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl/views.h"

#define TOKENS_MAX 24
#define TOKEN_SIZE 32

/* Things that arguments name. */
static const struct {
    const char *thing;
    const char *command, *key; /* names that the running rfqd gives */
    const char *words;         /* or these */
} things[] = {
    {"SESSION", "sessions", "session", NULL},
    {"LP", "lps", "lp", NULL},
    {"RFQ", "rfqs", "rfq", NULL},
    {"ORDER", "orders", "order", NULL},
    {"TABLE", NULL, NULL,
     "marks settings instruments lps takers rfqs deliveries quotes routing_settings routing_sessions orders "
     "fills sessions rfqs_ended deliveries_ended quotes_ended orders_ended fills_ended orders_rfq history "
     "sent purge"},
    {"LEVEL", NULL, NULL, "error warning info debug"},
    {"FILE", NULL, NULL, ":files"},
    {"USER", "takers", "taker", NULL},
    {"ROLE", NULL, NULL, "trader manager ops admin"},
    {"DIR", NULL, NULL, ":dirs"},
    {"ROOT", NULL, NULL, ":dirs"},
};

static const char rfq_states[] = "DRAFT PUBLISHED BIDDING_OPEN BIDDING_CLOSED EVALUATION AWARDED COMPLETED "
                                 "CANCELLED REJECTED EXPIRED";
static const char order_states[] =
    "awaiting pending sent working partly_filled filled cancelled rejected unknown";

static const char own_options[] = "--socket --dir --json --watch --frames --title --help --version";

/* Each of the words that begins with the unfinished one. */
static void put_words(FILE *to, const char *words, const char *begun)
{
    char copy[1024], *at = copy, *word;
    snprintf(copy, sizeof copy, "%s", words);
    while ((word = strsep(&at, " ")) != NULL)
        if (*word && (strncmp(word, begun, strlen(begun)) == 0 || *word == ':'))
            fprintf(to, "%s\n", word);
}

static void put_names(FILE *to, const char *command, const char *key, const char *begun, const char *socket)
{
    static struct client c;
    struct rows rows = {0};
    if (client_open(&c, socket) != CTL_FINE)
        return;
    if (client_rows(&c, command, &rows) == CTL_FINE)
        for (size_t i = 0; i < rows.count; i++)
            if (strncmp(row_text(rows.row[i], key), begun, strlen(begun)) == 0)
                fprintf(to, "%s\n", row_text(rows.row[i], key));
    rows_free(&rows);
    client_close(&c);
}

/* The arguments of a view, taken apart: brackets and bars are for people. */
struct grammar {
    char token[TOKENS_MAX][TOKEN_SIZE];
    unsigned count;
    unsigned positional; /* tokens before the first option */
};

static void read_grammar(const char *arguments, struct grammar *g)
{
    char copy[256], *at = copy, *word;
    memset(g, 0, sizeof *g);
    snprintf(copy, sizeof copy, "%s", arguments);
    g->positional = TOKENS_MAX;
    while ((word = strsep(&at, " []|")) != NULL && g->count < TOKENS_MAX) {
        if (!*word)
            continue;
        if (*word == '-' && g->positional == TOKENS_MAX)
            g->positional = g->count;
        snprintf(g->token[g->count++], TOKEN_SIZE, "%s", word);
    }
    if (g->positional > g->count)
        g->positional = g->count;
}

static void put_token(FILE *to, const struct view *v, const char *token, const char *begun,
                      const char *socket)
{
    if (strcmp(token, "STATE") == 0)
        put_words(to, strcmp(v->name, "orders") == 0 ? order_states : rfq_states, begun);
    else if (!isupper((unsigned char)token[0]))
        put_words(to, token, begun);
    for (size_t i = 0; i < sizeof things / sizeof *things; i++) {
        if (strcmp(things[i].thing, token) != 0)
            continue;
        if (things[i].command)
            put_names(to, things[i].command, things[i].key, begun, socket);
        else
            put_words(to, things[i].words, begun);
    }
}

/* What stands before fits this row: its verb is where it should be, if so much is typed. */
static bool fits(const struct view *v, unsigned count, const char *const before[])
{
    return !v->verb || v->verb_at >= count || strcmp(v->verb, before[v->verb_at]) == 0;
}

static void put_arguments(FILE *to, const struct view *v, unsigned count, const char *const before[],
                          const char *begun, const char *socket)
{
    struct grammar g;
    read_grammar(v->arguments, &g);
    for (unsigned i = g.positional; count && i + 1 < g.count; i++)
        if (strcmp(g.token[i], before[count - 1]) == 0 && isupper((unsigned char)g.token[i + 1][0])) {
            put_token(to, v, g.token[i + 1], begun, socket);
            return;
        }
    if (count < g.positional) {
        put_token(to, v, g.token[count], begun, socket);
        return;
    }
    for (unsigned i = g.positional; i < g.count; i++)
        if (g.token[i][0] == '-')
            put_words(to, g.token[i], begun);
}

static void put_commands(FILE *to, const char *begun)
{
    for (unsigned i = 0; i < view_count; i++)
        if (!i || strcmp(views[i].name, views[i - 1].name) != 0)
            put_words(to, views[i].name, begun);
    put_words(to, own_options, begun);
}

void complete_print(FILE *to, unsigned count, const char *const words[], const char *socket)
{
    const char *before[TOKENS_MAX], *begun = count ? words[count - 1] : "", *command = NULL;
    unsigned given = 0;
    for (unsigned i = 0; i + 1 < count; i++) {
        bool has_value = strcmp(words[i], "--socket") == 0 || strcmp(words[i], "--dir") == 0 ||
                         strcmp(words[i], "--frames") == 0 || strcmp(words[i], "--title") == 0;
        if (has_value && i + 2 == count) {
            put_words(to, words[i][2] == 'd' ? ":dirs" : words[i][2] == 's' ? ":files" : "", begun);
            return;
        }
        if (has_value)
            i++;
        else if (strcmp(words[i], "--json") == 0 || strcmp(words[i], "--watch") == 0)
            continue;
        else if (!command)
            command = words[i];
        else if (given < TOKENS_MAX)
            before[given++] = words[i];
    }
    if (!command) {
        put_commands(to, begun);
        return;
    }
    for (unsigned i = 0; i < view_count; i++)
        if (strcmp(views[i].name, command) == 0 && fits(&views[i], given, before))
            put_arguments(to, &views[i], given, before, begun, socket);
}
