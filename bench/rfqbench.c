/* rfqbench: one program for all measurements. `rfqbench NAME [--seconds N] [--dir DIR] [--rate N] [--lps N]
 * [--tiny]
 * [--json]` */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"

static const struct bench_command commands[] = {
    {"core", "clock, checksum, hash, decimals, timers, histogram: what each costs", bench_core},
    {"codec", "FIX parse, validation and encoding beside a bare pass and QuickFIX", bench_codec},
    {"ring", "append and commit of 256 bytes at 1 M/s while the log drains and syncs", bench_ring},
    {"lane", "messages of 256 bytes from one core to another", bench_lane},
    {"net", "the io_uring port and bare sockets on loopback: round trip, release, idle poll", bench_net},
    {"rfq", "a whole rfqd, wire to wire: RFQ, release, quote, order, execution", bench_rfq},
    {"fanout", "events to 10,000 WebSocket subscribers, beside Node's ws, libwebsockets and bare",
     bench_fanout},
    {"beside", "a whole rfqd with and without 10,000 idle and 1,000 busy WebSocket clients", bench_beside},
};
#define COMMANDS (sizeof commands / sizeof commands[0])

static int usage(FILE *to)
{
    fprintf(to, "usage: rfqbench MEASUREMENT [OPTION...]\n\n"
                "  --seconds N   of the measured part, 1 to 3600 (5)\n"
                "  --dir DIR     where files are put that should lie on a disk (.)\n"
                "  --rate N      rfq: RFQs a second, 1 to 100000 (500)\n"
                "  --lps N       rfq: this many LPs, 1 to 20 (one, then five)\n"
                "  --subscribers N\n"
                "                fanout: 1 to 15000 (10000)\n"
                "  --tiny        few messages: that it works, not how fast\n"
                "  --json        one object, for machines\n\n");
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].summary);
    return to == stdout ? 0 : 2;
}

/* False: not a number from 1 to max. */
static bool number(const char *text, unsigned max, unsigned *out)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    *out = (unsigned)value;
    return *text && !*end && value >= 1 && value <= max;
}

static int options_parse(int argc, char **argv, struct bench_options *o)
{
    static const struct option longs[] = {{"seconds", required_argument, NULL, 's'},
                                          {"dir", required_argument, NULL, 'd'},
                                          {"rate", required_argument, NULL, 'r'},
                                          {"lps", required_argument, NULL, 'l'},
                                          {"subscribers", required_argument, NULL, 'n'},
                                          {"tiny", no_argument, NULL, 't'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    bool right = true;
    for (int c; right && (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        switch (c) {
        case 's':
            right = number(optarg, 3600, &o->seconds);
            break;
        case 'd':
            o->dir = optarg;
            break;
        case 'r':
            right = number(optarg, 100000, &o->rate);
            break;
        case 'l':
            right = number(optarg, 20, &o->lps);
            break;
        case 'n':
            right = number(optarg, 15000, &o->subscribers);
            break;
        case 't':
            o->tiny = true;
            break;
        case 'j':
            o->json = true;
            break;
        case 'h':
            exit(usage(stdout));
        default:
            right = false;
        }
    }
    return right ? 0 : usage(stderr);
}

int main(int argc, char **argv)
{
    struct bench_options options = {.seconds = 5, .dir = ".", .rate = 500};
    int status = options_parse(argc, argv, &options);
    if (status)
        return status;
    if (optind + 1 != argc)
        return usage(stderr);
    bench_start();
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(argv[optind], commands[i].name) == 0)
            return commands[i].run(&options);
    return usage(stderr);
}
