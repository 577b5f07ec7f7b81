#include "tools/ctl/manual.h"

#include <ctype.h>
#include <string.h>

#include "control/ops/command_list.h"

static const char head[] =
    ".\\\" Written by rfqctl --man: change tools/ctl/manual.c or control/ops/command_list.h.\n"
    ".TH RFQCTL 1 \"\" \"rfqd " RFQD_VERSION "\" \"rfqd\"\n"
    ".SH NAME\n"
    "rfqctl \\- look at a running rfqd, and operate it\n"
    ".SH SYNOPSIS\n"
    ".B rfqctl\n"
    "[\\fB\\-\\-socket\\fR \\fIPATH\\fR | \\fB\\-\\-dir\\fR \\fIDIR\\fR] [\\fB\\-\\-json\\fR] "
    "[\\fB\\-\\-watch\\fR] [\\fICOMMAND\\fR [\\fIARGUMENT\\fR...]]\n"
    ".SH DESCRIPTION\n"
    "Speaks to rfqd's ops control socket. Without a command it shows the state at a glance. Options may "
    "stand "
    "anywhere.\n"
    ".TP\n.BI \\-\\-socket \" PATH\"\nrfqd's\n.IR ops_socket .\nWithout it:\n.IR DIR /ops.sock,\nelse\n"
    ".BR $RFQD_SOCKET ,\nelse\n.IR run/demo/ops.sock ,\nelse\n.IR /run/rfqd/ops.sock .\n"
    ".TP\n.BI \\-\\-dir \" DIR\"\nthe directory that rfqd runs on\n"
    ".TP\n.B \\-\\-json\nthe answer as it came, one JSON object a line\n"
    ".TP\n.B \\-\\-watch\nagain and again, until Ctrl-C\n"
    ".TP\n.BI \\-\\-frames \" N\"\nwatch so many times\n"
    ".TP\n.BI \\-\\-title \" TEXT\"\na line above what is watched\n"
    ".TP\n.B \\-\\-man\nprint this page\n"
    ".TP\n.B \\-\\-version\nprint the version\n"
    ".TP\n.BI \\-\\-complete \" WORD\\fR...\"\nwhat may stand in the place of the last word, one a line; for "
    "the shell\n"
    ".SH COMMANDS\n"
    "Each names the level that it takes:\n.B read\nlooks,\n.B operate\nchanges what runs,\n.B admin\nchanges "
    "numbers, configuration, copies of the record. Root and the user rfqd runs as have level admin; members "
    "of its group have that of the key\n.IR ops_group .\nWithout a level: rfqctl does it by itself.\n";

static const char tail[] =
    ".SH EXIT STATUS\n"
    "0 fine; 1 the command failed; 2 usage; 3 rfqd cannot be reached; 4 not allowed\n"
    ".SH FILES\n.I tools/ctl/rfqctl.bash\ncompletes commands, and names of the running rfqd, in bash\n"
    ".SH SEE ALSO\n.BR rfqd (8),\n.BR rfqd.conf (5)\n";

/* Words in capitals name things: in italics. All else is typed as it stands: bold; brackets are neither. */
static void put_arguments(FILE *to, const char *arguments)
{
    for (const char *at = arguments; *at;) {
        size_t size = strcspn(at, " []|");
        if (size == 0) {
            fputc(*at++, to);
            continue;
        }
        fputs(isupper((unsigned char)*at) ? "\\fI" : "\\fB", to);
        for (; size; size--, at++)
            fprintf(to, "%s%c", *at == '-' ? "\\" : "", *at);
        fputs("\\fR", to);
    }
}

static void put_command(FILE *to, const char *name, const char *arguments, const char *level,
                        const char *sentence)
{
    fprintf(to, ".TP\n\\fB%s\\fR%s", name, *arguments ? " " : "");
    put_arguments(to, arguments);
    fprintf(to, "\n%s%s%s%s\n", sentence, *level ? " (" : "", level, *level ? ")" : "");
}

void manual_print(FILE *to)
{
    static const char READ[] = "read", OPERATE[] = "operate", ADMIN[] = "admin";
    fputs(head, to);
#define X(id, name, verb, verb_at, arguments, least, most, level, where, sentence) \
    put_command(to, name, arguments, level, sentence);
    OPS_COMMAND_LIST(X)
#undef X
#define X(id, name, arguments, sentence) put_command(to, name, arguments, "", sentence);
    OPS_LOCAL_LIST(X)
#undef X
    fputs(tail, to);
}
