/* rfqctl: the operator's command line. Speaks to rfqd's ops control socket and shows what it answers as
 * tables, or as it came with --json.
 *
 *     rfqctl [--socket PATH | --dir DIR] [--json] [--watch] [COMMAND [ARGUMENT…]]
 *
 * Without a command: the state at a glance. Exit 0: fine; 1: the command failed; 2: usage; 3: rfqd cannot be
 * reached; 4: not allowed.
 */
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "tools/ctl/complete.h"
#include "tools/ctl/doctor.h"
#include "tools/ctl/manual.h"
#include "tools/ctl/token.h"
#include "tools/ctl/top.h"
#include "tools/ctl/views.h"

#define DEMO_SOCKET       "run/demo/ops.sock"
#define SYSTEM_SOCKET     "/run/rfqd/ops.sock"
#define WATCH_INTERVAL_MS 500
#define GLANCE_RFQS       10
#define HELP_COLUMN       30
#define WORDS_MAX         16
#define NAME_DISTANCE_MAX 3 /* further off, a name is no help */

struct options {
    const char *socket;
    char path[512];
    bool json, watch;
    const char *title;    /* above a watch's frames; NULL: none */
    unsigned long frames; /* of a watch; 0: until stopped */
    char request[CLIENT_REQUEST_MAX + 1];
    const char *command;          /* NULL: the state at a glance */
    const char *words[WORDS_MAX]; /* behind the command */
    unsigned word_count;
    const struct view *view; /* of them; NULL: none known */
};

static atomic_bool stop_wanted;

static void on_signal(int number)
{
    (void)number;
    atomic_store(&stop_wanted, true);
}

static enum ctl_result usage(FILE *to, enum ctl_result result)
{
    fprintf(to, "usage: rfqctl [--socket PATH | --dir DIR] [--json] [--watch] [COMMAND [ARGUMENT...]]\n"
                "Without a command: the state at a glance.\n\n");
    for (unsigned i = 0; i < view_count; i++) {
        int size = fprintf(to, "  %s%s%s", views[i].name, *views[i].arguments ? " " : "", views[i].arguments);
        fprintf(to, "%s%*s%s\n", size > HELP_COLUMN - 2 ? "\n" : "",
                size > HELP_COLUMN - 2 ? HELP_COLUMN : HELP_COLUMN - size, "", views[i].sentence);
    }
    fprintf(to, "\n--socket  rfqd's ops_socket; else DIR/ops.sock; else $RFQD_SOCKET, " DEMO_SOCKET
                " or " SYSTEM_SOCKET "\n"
                "--json    the answer as it came, a line of JSON each\n"
                "--watch   again and again until Ctrl-C; --frames N: so many times; --title TEXT: above it\n"
                "--man     the manual page, rfqctl(1)\n"
                "--version what this program is of\n"
                "Exit: 0 fine, 1 the command failed, 2 usage, 3 rfqd cannot be reached, 4 not allowed\n");
    return result;
}

/* Names that are mistyped
 * ---------------------------------------------------------------------------------------- */

static unsigned least(unsigned a, unsigned b, unsigned c)
{
    unsigned m = a < b ? a : b;
    return m < c ? m : c;
}

/* Insertions, deletions and replacements from a to b. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[65];
    size_t n = strlen(b);
    if (n >= sizeof row / sizeof *row)
        return UINT32_MAX;
    for (unsigned j = 0; j <= n; j++)
        row[j] = j;
    for (unsigned i = 1; a[i - 1]; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            unsigned above = row[j];
            row[j] = least(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[n];
}

/* `help`: what the running rfqd understands, which may be more than this program shows. NULL: our own list.
 */
static enum ctl_result unknown_command(const char *name, const struct rows *help)
{
    const char *nearest = NULL;
    unsigned best = NAME_DISTANCE_MAX + 1;
    size_t count = help ? help->count : view_count;
    for (size_t i = 0; i < count; i++) {
        const char *candidate = help ? row_text(help->row[i], "command") : views[i].name;
        unsigned d = distance(name, candidate);
        if (d < best) {
            best = d;
            nearest = candidate;
        }
    }
    fprintf(stderr, "rfqctl: there is no command '%s'", name);
    if (nearest)
        fprintf(stderr, "; did you mean '%s'?", nearest);
    fprintf(stderr, "\n'rfqctl --help' lists them\n");
    return CTL_USAGE;
}

/* One request
 * ----------------------------------------------------------------------------------------------------- */

static enum ctl_result failed(const struct client *c, enum ctl_result result)
{
    fprintf(stderr, "rfqctl: %s\n", c->error);
    return result;
}

static enum ctl_result refused(struct client *c, const struct options *o, enum ctl_result result)
{
    if (result == CTL_FAILED && strcmp(c->code, "unknown_command") == 0) {
        struct rows help;
        bool known = client_rows(c, "help", &help) == CTL_FINE;
        result = unknown_command(o->command, known ? &help : NULL);
        rows_free(&help);
        return result;
    }
    if (result == CTL_FAILED && strcmp(c->code, "usage") == 0)
        result = CTL_USAGE;
    return failed(c, result);
}

static void print_line(void *ctx, char *text, size_t size)
{
    FILE *to = ctx;
    text[size] = '\n';
    fwrite(text, 1, size + 1, to);
}

struct stream {
    FILE *to;
    const struct view *view;
};

static void stream_line(void *ctx, char *text, size_t size)
{
    struct stream *s = ctx;
    struct json_object *row = json_tokener_parse(text);
    (void)size;
    if (row)
        s->view->line(s->to, row);
    json_object_put(row);
}

/* Rows that may come for ever: each as it comes. */
static enum ctl_result stream(struct client *c, const struct options *o, FILE *to)
{
    struct stream s = {.to = to, .view = o->view};
    setvbuf(to, NULL, _IOLBF, 0);
    client_be_patient(c);
    return client_ask(c, o->request, o->json ? print_line : stream_line, o->json ? (void *)to : (void *)&s);
}

static enum ctl_result show(struct client *c, const struct options *o, struct table_style *style, FILE *to)
{
    const struct view *v = o->view;
    static struct top top;
    if (!o->command && !o->json)
        return view_glance(to, c, style);
    if (v && v->local)
        return top_show(to, c, &top, style, o->json, WATCH_INTERVAL_MS);
    const char *request = o->command ? o->request : "status";
    if (v && v->line)
        return stream(c, o, to);
    if (v && v->patient)
        client_be_patient(c);
    if (o->json)
        return client_ask(c, request, print_line, to);
    struct rows rows;
    if (o->watch && v && strcmp(v->name, "rfqs") == 0) {
        enum ctl_result head = view_head(to, c);
        if (head != CTL_FINE)
            return head;
        fputc('\n', to);
    }
    enum ctl_result result = client_rows(c, request, &rows);
    if (result == CTL_FINE || rows.count) { /* what came before an error may say what it is about: verify */
        if (v && (strcmp(v->name, "rfqs") == 0 || strcmp(v->name, "orders") == 0))
            view_sort(&rows, o->watch);
        for (size_t i = 0; !v && i < rows.count; i++)
            table_pairs(to, rows.row[i], style);
        if (v)
            v->show(to, &rows, style);
    }
    rows_free(&rows);
    return result;
}

static void terminal_size(unsigned *width, unsigned *height)
{
    struct winsize w = {0};
    *width = *height = 0;
    if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0) {
        *width = w.ws_col;
        *height = w.ws_row;
    }
}

static enum ctl_result once(struct client *c, const struct options *o)
{
    struct table_style style = {.colour = isatty(STDOUT_FILENO), .rows_max = o->command ? 0 : GLANCE_RFQS};
    unsigned height;
    terminal_size(&style.width, &height);
    return show(c, o, &style, stdout);
}

/* Again and again
 * ----------------------------------------------------------------------------------------------------- */

/* It may take several lines of the terminal. */
static unsigned draw_title(const char *title, unsigned width)
{
    if (!title)
        return 0;
    printf("%s\033[K\n\033[K\n", title);
    return 2 + (width ? (unsigned)strlen(title) / width : 0);
}

/* A frame over the last one, line by line, so that nothing flickers. */
static void draw(char *frame, const char *title, unsigned width, unsigned height)
{
    char *at = frame, *line;
    fputs("\033[H", stdout);
    unsigned lines = draw_title(title, width);
    while ((line = strsep(&at, "\n")) != NULL && (at || *line) && (!height || ++lines < height))
        printf("%s\033[K\n", line);
    fputs("\033[J", stdout);
}

static enum ctl_result frame_once(struct client *c, const struct options *o, bool terminal)
{
    struct table_style style = {.colour = terminal};
    unsigned height;
    char *frame = NULL;
    size_t size = 0;
    terminal_size(&style.width, &height);
    style.rows_max = height ? height : o->command ? 0 : GLANCE_RFQS;
    FILE *to = open_memstream(&frame, &size);
    if (!to)
        return CTL_FAILED;
    enum ctl_result result = show(c, o, &style, to);
    fclose(to);
    if (result == CTL_FINE && terminal)
        draw(frame, o->title, style.width, height);
    else if (result == CTL_FINE)
        printf("%s%s%s", o->title ? o->title : "", o->title ? "\n\n" : "", frame);
    fflush(stdout);
    free(frame);
    return result;
}

static enum ctl_result watch(struct client *c, const struct options *o)
{
    bool terminal = isatty(STDOUT_FILENO);
    enum ctl_result result = CTL_FINE;
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (terminal)
        fputs("\033[?1049h\033[?25l", stdout); /* a screen of its own, no cursor */
    for (unsigned long n = 1; !atomic_load(&stop_wanted) && !ferror(stdout); n++) {
        result = frame_once(c, o, terminal);
        if (result != CTL_FINE || n == o->frames)
            break;
        poll(NULL, 0, WATCH_INTERVAL_MS); /* for the eye; a signal ends it */
        if (!terminal && !o->json)
            putchar('\n');
    }
    if (terminal)
        fputs("\033[?25h\033[?1049l", stdout);
    fflush(stdout);
    return atomic_load(&stop_wanted) && result == CTL_UNREACHABLE ? CTL_FINE : result;
}

/* Options
 * -----------------------------------------------------------------------------------------------------------
 */

static bool take_value(struct options *o, const char *name, const char *value)
{
    char *end;
    if (!value)
        return false;
    if (strcmp(name, "--socket") == 0) {
        o->socket = value;
    } else if (strcmp(name, "--dir") == 0) {
        snprintf(o->path, sizeof o->path, "%s/ops.sock", value);
        o->socket = o->path;
    } else if (strcmp(name, "--title") == 0) {
        o->title = value;
    } else {
        o->frames = strtoul(value, &end, 10);
        o->watch = true;
        return *value && !*end;
    }
    return true;
}

/* An option that the command has, by its row in the list. */
static bool is_commands(const struct options *o, const char *option)
{
    for (unsigned i = 0; o->command && i < view_count; i++) {
        const char *at = strcmp(views[i].name, o->command) == 0 ? strstr(views[i].arguments, option) : NULL;
        size_t size = strlen(option);
        if (at && size > 2 && (at[size] == ' ' || at[size] == ']' || !at[size]))
            return true;
    }
    return false;
}

/* Options may stand anywhere: `rfqctl rfqs --json` is what people type. */
static enum ctl_result read_options(struct options *o, int argc, char **argv)
{
    size_t used = 0;
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i];
        if (strcmp(a, "--json") == 0) {
            o->json = true;
        } else if (strcmp(a, "--watch") == 0) {
            o->watch = true;
        } else if (strcmp(a, "--socket") == 0 || strcmp(a, "--dir") == 0 || strcmp(a, "--frames") == 0 ||
                   strcmp(a, "--title") == 0) {
            const char *value = i + 1 < argc ? argv[++i] : NULL;
            if (!take_value(o, a, value)) {
                fprintf(stderr, "rfqctl: %s needs %s\n", a,
                        a[2] == 'f'   ? "a number"
                        : a[2] == 't' ? "a text"
                                      : "a path");
                return CTL_USAGE;
            }
        } else if (a[0] == '-' && !is_commands(o, a)) {
            fprintf(stderr, "rfqctl: there is no option '%s'\n", a);
            return usage(stderr, CTL_USAGE);
        } else {
            size_t size = strlen(a);
            if (used + size + 1 >= sizeof o->request || strpbrk(a, " \t\r\n")) {
                fprintf(stderr, "rfqctl: '%.40s' is no argument: too long, or with blanks in it\n", a);
                return CTL_USAGE;
            }
            if (!o->command)
                o->command = a;
            else if (o->word_count < WORDS_MAX)
                o->words[o->word_count++] = a;
            used += (size_t)snprintf(o->request + used, sizeof o->request - used, "%s%s", used ? " " : "", a);
        }
    }
    if (o->command) {
        o->view = view_for(o->command, o->word_count, o->words);
        o->watch = o->watch || strcmp(o->command, "top") == 0;
    }
    return CTL_FINE;
}

static const char *socket_path(const struct options *o)
{
    const char *named = getenv("RFQD_SOCKET");
    if (o->socket)
        return o->socket;
    if (named && *named)
        return named;
    return access(DEMO_SOCKET, F_OK) == 0 ? DEMO_SOCKET : SYSTEM_SOCKET;
}

/* About the host: it asks no rfqd. */
static enum ctl_result doctor(const struct options *o)
{
    struct rows rows;
    struct table_style style = {.colour = isatty(STDOUT_FILENO)};
    unsigned height;
    const char *root = strchr(o->request, ' ');
    if (root && strchr(root + 1, ' ')) {
        fprintf(stderr, "rfqctl: usage: doctor [ROOT]\n");
        return CTL_USAGE;
    }
    terminal_size(&style.width, &height);
    doctor_rows(root ? root + 1 : "", &rows);
    for (size_t i = 0; o->json && i < rows.count; i++)
        puts(json_object_to_json_string_ext(rows.row[i], JSON_C_TO_STRING_PLAIN));
    if (!o->json)
        view_named("doctor")->show(stdout, &rows, &style);
    rows_free(&rows);
    return CTL_FINE;
}

/* What may stand next, for the shell: what is typed of the place to ask counts, all else is only looked at.
 */
static enum ctl_result complete(int argc, char **argv)
{
    static struct options o;
    const char *words[WORDS_MAX];
    unsigned count = 0;
    for (int i = 2; i < argc && count < WORDS_MAX; i++)
        words[count++] = argv[i];
    for (unsigned i = 0; i + 2 < count; i++)
        if (strcmp(words[i], "--socket") == 0 || strcmp(words[i], "--dir") == 0)
            take_value(&o, words[i], words[i + 1]);
    complete_print(stdout, count, words, socket_path(&o));
    return CTL_FINE;
}

static enum ctl_result run(int argc, char **argv)
{
    static struct options o;
    static struct client c;
    if (argc > 1 && strcmp(argv[1], "--complete") == 0)
        return complete(argc, argv);
    if (argc == 2 && strcmp(argv[1], "--man") == 0) {
        manual_print(stdout);
        return CTL_FINE;
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("rfqctl " RFQD_VERSION);
        return CTL_FINE;
    }
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return usage(stdout, CTL_FINE);
    enum ctl_result result = read_options(&o, argc, argv);
    if (result != CTL_FINE)
        return result;
    if (o.command && strcmp(o.command, "doctor") == 0)
        return doctor(&o);
    if (o.command && strcmp(o.command, "token") == 0)
        return token_print(stdout, o.word_count, o.words, (uint64_t)time(NULL), o.json);
    if (o.command && strcmp(o.command, "top") == 0 && o.word_count) {
        fprintf(stderr, "rfqctl: usage: top\n");
        return CTL_USAGE;
    }
    result = client_open(&c, socket_path(&o));
    if (result == CTL_UNREACHABLE && o.command && !o.view)
        return unknown_command(o.command, NULL);
    if (result != CTL_FINE)
        return failed(&c, result);
    result = o.watch ? watch(&c, &o) : once(&c, &o);
    if (result != CTL_FINE)
        result = refused(&c, &o, result);
    client_close(&c);
    return result;
}

int main(int argc, char **argv)
{
    enum ctl_result result = run(argc, argv);
    if (fflush(stdout) != 0 || ferror(stdout))
        result = CTL_FAILED;
    return (int)result;
}
