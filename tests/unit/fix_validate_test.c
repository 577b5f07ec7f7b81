#include <criterion/criterion.h>

#include "fix/fix_dict.h"
#include "fix/validate.h"
#include "fix_text.h"

static struct fix_shapes shapes;
static struct fix_msg msg = {.shapes = &shapes};
static char bytes[FIX_MESSAGE_SIZE_MAX];

#define HEAD "34=7|49=T|52=20261122-10:11:12.123|56=R|"
#define D    "35=D|" HEAD
#define R    "35=R|" HEAD "131=q|"
/* what a NewOrderSingle needs, but for what a case is about */
#define ORDER "11=o|55=A|60=20261122-10:11:12|40=2|"

struct verdict {
    const char *body;
    int reason; /* -1: good */
    uint32_t tag;
};

static void holds(const struct verdict *table, unsigned count, bool user_tags)
{
    for (unsigned i = 0; i < count; i++) {
        struct fix_refusal why = {-1, 0, NULL};
        cr_assert_eq(fix_parse(&msg, bytes, fix_text(table[i].body, bytes)), OK);
        enum err e = fix_validate(&msg, user_tags, &why);
        const struct fix_dict_message *d = fix_dict_find(msg.type);
        if (d)
            cr_expect_eq(fix_validate_quickly(&msg, d, user_tags), e == OK, "%s", table[i].body);
        cr_expect_eq(e, table[i].reason < 0 ? OK : ERR_SYNTAX, "%s", table[i].body);
        cr_expect(why.reason == table[i].reason && why.ref_tag == table[i].tag,
                  "%s: reason %d tag %u, not %d tag %u", table[i].body, why.reason, why.ref_tag,
                  table[i].reason, table[i].tag);
        cr_expect_eq(why.text != NULL, table[i].reason >= 0);
    }
}
#define HOLDS(table, user) holds(table, sizeof table / sizeof table[0], user)

Test(fix_validate, good_messages_pass)
{
    static const struct verdict table[] = {
        {FIX_TEXT_ORDER, -1, 0},
        {FIX_TEXT_REQUEST, -1, 0},
        {FIX_TEXT_FILL, -1, 0},
        {"35=0|" HEAD, -1, 0},
        {"35=A|" HEAD "98=0|108=30|141=Y|789=5|553=u|554=p|", -1, 0},
        {"35=AJ|" HEAD "693=r|694=1|117=q|55=A|", -1, 0},
        {"35=Z|" HEAD "131=q|117=q|298=4|", -1, 0},
        {"35=i|" HEAD "117=q|296=1|302=s|304=1|295=2|299=e1|55=A|132=1.1|299=e2|55=B|133=2|", -1, 0},
        {"35=AG|" HEAD "131=q|658=99|146=1|55=A|", -1, 0},
        {"35=j|" HEAD "372=D|380=3|58=t|", -1, 0},
        {D ORDER "54=1|38=5|58=caf\xe9|354=3|355=a=b|", -1, 0},
        /* body in any order, header behind the first three in any order: 15 of the session test cases */
        {"35=D|52=20261122-10:11:12|56=R|34=7|49=T|38=5|54=1|40=2|60=20261122-10:11:12|55=A|11=o|", -1, 0},
    };
    HOLDS(table, false);
}

/* 14 of the session test cases: a to l. */
Test(fix_validate, each_fault_has_its_reason)
{
    static const struct verdict table[] = {
        /* a: not a tag of FIX 4.4 */
        {D ORDER "54=1|38=5|999=x|", 0, 999},
        {D ORDER "54=1|38=5|4999=x|", 0, 4999},
        {D ORDER "54=1|38=5|5000=x|", 0, 5000},
        /* b: required */
        {D ORDER "38=5|", 1, 54},
        {D "55=A|60=20261122-10:11:12|40=2|54=1|38=5|", 1, 11},
        {"35=D|34=7|52=20261122-10:11:12|56=R|" ORDER "54=1|38=5|", 1, 49},
        {"35=A|" HEAD "98=0|", 1, 108},
        {"35=R|" HEAD "131=q|", 1, 146},
        {"35=i|" HEAD "117=q|296=1|302=s|304=1|", 1, 295},
        /* c: of another message */
        {D ORDER "54=1|38=5|131=x|", 2, 131},
        {"35=0|" HEAD "55=A|", 2, 55},
        /* d: no value */
        {D ORDER "54=1|38=5|58=|", 4, 58},
        {D ORDER "54=|38=5|", 4, 54},
        /* e: not enumerated */
        {D ORDER "54=Z|38=5|", 5, 54},
        {"35=8|" HEAD "37=o|17=e|150=1|39=2|55=A|54=1|151=0|14=1|6=1|", 5, 150},
        {"35=8|" HEAD "37=o|17=e|150=F|39=5|55=A|54=1|151=0|14=1|6=1|", 5, 39},
        {"35=Z|" HEAD "117=q|298=5|", 5, 298},
        {D ORDER "54=1|38=5|167=NOSUCH|", 5, 167},
        {D ORDER "54=1|38=5|18=1 ?|", 5, 18},
        {"35=AG|" HEAD "131=q|658=77|146=1|55=A|", 5, 658},
        {"35=S|" HEAD "117=q|55=A|537=-1|", 5, 537},
        /* f: not of the type */
        {D ORDER "54=1|38=+200.00|", 6, 38},
        {D ORDER "54=1|38=1.2.3|", 6, 38},
        {D ORDER "54=1|38=.|", 6, 38},
        {D ORDER "54=1|38=-|", 6, 38},
        {D ORDER "54=1|38=1e3|", 6, 38},
        {D ORDER "54=1|38=12345678901234567x|", 6, 38},
        {D ORDER "54=11|38=5|", 6, 54},
        {D ORDER "54=1|38=5|432=20260230|", 6, 432},
        {D ORDER "54=1|38=5|126=20261122-10:11|", 6, 126},
        {D ORDER "54=1|38=5|15=EURO|", 6, 15},
        {D ORDER "54=1|38=5|377=y|", 6, 377},
        {D ORDER "54=1|38=5|200=202613|", 6, 200},
        {D ORDER "54=1|38=5|18=1  2|", 6, 18},
        {"35=D|34=x|49=T|52=20261122-10:11:12|56=R|" ORDER "54=1|38=5|", 6, 34},
        /* g: header, body and trailer mixed */
        {D ORDER "54=1|38=5|57=sub|", 14, 57},
        {D ORDER "54=1|93=1|89=x|38=5|", 14, 38},
        /* h: twice */
        {D ORDER "54=1|38=5|40=2|", 13, 40},
        {D ORDER "54=1|38=5|40=1|", 13, 40},
        {"35=D|34=7|" HEAD ORDER "54=1|38=5|", 13, 34},
        /* i: count */
        {R "146=2|55=A|", 16, 146},
        {R "146=1|55=A|55=B|", 16, 146},
        {R "146=3|55=A|55=B|58=x|", 16, 146},
        {R "146=1|", 16, 146},
        {R "146=1|58=x|", 16, 146},
        {R "146=1|55=A|453=2|448=P|447=D|452=1|", 16, 453},
        {R "146=99999999999999999999|55=A|", 6, 146},
        {R "146=-1|55=A|", 6, 146},
        /* j: order inside a group, and its delimiter */
        {R "146=1|54=1|55=A|", 15, 54},
        {R "146=1|55=A|38=5|54=1|", 15, 54},
        {R "146=1|55=A|54=1|54=1|", 13, 54},
        {R "146=1|55=A|58=x|54=1|", 15, 54},
        {R "55=A|146=1|55=A|", 15, 55},
        {R "55=A|", 2, 55},
        {R "146=2|55=A|453=1|448=P|447=D|452=1|38=5|55=B|", 15, 38},
        /* required inside an instance */
        {"35=i|" HEAD "117=q|296=1|302=s|304=1|295=1|55=A|", 15, 55},
        {"35=i|" HEAD "117=q|296=2|302=s|304=1|295=1|299=e|302=t|295=1|299=e|", 1, 304},
        {"35=i|" HEAD "117=q|296=1|302=s|304=1|", 1, 295},
        /* k: MsgType */
        {"35=ZZ|" HEAD, 11, 35},
        {"35=I|" HEAD, 11, 35},
        {"35=U1|" HEAD, 11, 35},
    };
    HOLDS(table, false);
}

Test(fix_validate, user_tags_where_admitted)
{
    static const struct verdict table[] = {
        {D ORDER "54=1|38=5|5000=x|20001=y|", -1, 0},
        {R "146=2|55=A|5001=x|54=1|55=B|5001=y|", -1, 0},
        {"35=D|34=7|49=T|5010=x|52=20261122-10:11:12.123|56=R|" ORDER "54=1|38=5|", -1, 0},
        {D ORDER "54=1|38=5|5000=|", 4, 5000},
        {D ORDER "54=1|38=5|4999=x|", 0, 4999},
        {D ORDER "54=1|38=5|1023=x|", 0, 1023},
        {"35=U1|" HEAD, -1, 0},
    };
    HOLDS(table, true);
}

Test(fix_validate, a_type_of_fix_44_that_is_not_spoken_passes)
{
    static const struct verdict table[] = {{"35=C|" HEAD, -1, 0},  {"35=AE|" HEAD, -1, 0},
                                           {"35=BE|" HEAD, -1, 0}, {"35=BI|" HEAD, 11, 35},
                                           {"35=U|" HEAD, 11, 35}, {"35=CA|" HEAD, 11, 35}};
    HOLDS(table, false);
}

/* The tables against the dictionary's text as read by a second reader: members of a message one by one. */
Test(fix_dict, entries_are_consistent)
{
    for (unsigned i = 0; i < fix_dict_message_count; i++) {
        const struct fix_dict_message *d = &fix_dict_messages[i];
        unsigned orders = 0, groups = 0;
        cr_assert_eq(fix_dict_find(d->type), d);
        cr_assert(fix_dict_type_defined(d->type));
        for (uint32_t tag = 0; tag < FIX_DICT_TAGS; tag++) {
            const struct fix_dict_entry *x = &d->entries[tag];
            if (!x->order)
                continue;
            orders++;
            cr_assert_not_null(fix_dict_tag_names[tag]);
            cr_assert_lt(x->scope, d->scope_count);
            if (x->child) {
                groups++;
                const struct fix_dict_scope *s = &d->scopes[x->child];
                cr_assert_eq(s->group_tag, tag);
                cr_assert_eq(s->parent, x->scope);
                cr_assert_eq(d->entries[s->delimiter].scope, x->child);
                cr_assert(d->scopes[x->scope].within >> x->child & 1);
                cr_assert_eq(s->depth, d->scopes[x->scope].depth + 1);
            }
        }
        cr_assert_eq(orders, d->slot_count, "%s", d->name);
        cr_assert_eq(groups + 1u, d->scope_count);
        cr_assert(d->required[d->entries[35].order / 64] >> (d->entries[35].order % 64) & 1);
    }
    cr_assert_str_eq(fix_dict_meaning(150, "F", 1), "TRADE");
    cr_assert_null(fix_dict_meaning(150, "1", 1));
    cr_assert_eq(FIX_MSG_QuoteResponse, FIX_MSG_TYPE2('A', 'J'));
    cr_assert_eq(FIX_ExecType_TRADE, 'F');
    cr_assert_eq(FIX_TAG_QuoteReqID, 131);
    /* errata that ad-hoc dictionaries get wrong */
    cr_assert_eq(fix_dict_find(FIX_MSG_QuoteRequestReject)->entries[62].order, 0);
    cr_assert_null(fix_dict_meaning(39, "5", 1));
    cr_assert_null(fix_dict_meaning(298, "5", 1));
}

/* Between two messages that differ in one thing only, the first of which is good. */
Test(fix_validate, a_known_shape_admits_no_other)
{
    static const struct verdict table[] = {
        {R "146=2|55=A|54=1|38=5|55=B|54=1|38=5|", -1, 0},
        {R "146=1|55=A|54=1|38=5|55=B|54=1|38=5|", 16, 146}, /* as many fields, another count */
        {R "146=3|55=A|54=1|38=5|55=B|54=1|38=5|", 16, 146},
        {R "146=2|55=A|54=1|38=5|54=1|55=B|38=5|", 15, 54}, /* the same tags in another order */
        {R "146=2|55=A|54=1|38=5|55=B|54=9|38=5|", -1, 0},
        {R "146=2|55=A|54=1|38=5|55=B|54=x|38=5|", 5, 54},
        {R "146=2|55=A|54=1|38=5|55=B|54=1|38=x|", 6, 38},
        {R "146=2|55=A|54=1|38=5|55=B|54=1|38=|", 4, 38},
        {R "146=002|55=A|54=1|38=5|55=B|54=1|38=5|", -1, 0},
    };
    HOLDS(table, false);
    unsigned kept = 0;
    for (unsigned i = 0; i < FIX_SHAPE_SETS; i++)
        for (unsigned k = 0; k < FIX_SHAPES_ALIKE; k++)
            kept += shapes.sets[i][k].count != 0;
    cr_assert_eq(kept, 1);
}

/* As many fields, but one with a tag of the parties' own. */
Test(fix_validate, what_has_no_shape_takes_no_other_s_place)
{
    static const struct verdict kept[] = {{D ORDER "54=1|38=5|58=x|", -1, 0}};
    static const struct verdict others[] = {{D ORDER "54=1|38=5|5001=x|", -1, 0}};
    HOLDS(kept, true);
    unsigned turn = shapes.turn;
    cr_assert_gt(turn, 0);
    for (unsigned i = 0; i < 2 * FIX_SHAPES_ALIKE; i++)
        HOLDS(others, true);
    HOLDS(kept, true);
    cr_assert_eq(shapes.turn, turn);
}

/* Any bytes: all ways judge the same, the one that knows the shapes of those before too, and what is refused
 * is refused with a text. */
Test(fix_validate, all_ways_judge_random_changes_alike)
{
    static const char *const bodies[] = {FIX_TEXT_ORDER, FIX_TEXT_REQUEST, FIX_TEXT_FILL};
    uint64_t seed = 5;
    unsigned good = 0, bad = 0;
    for (unsigned round = 0; round < 30000; round++) {
        size_t size = fix_text(bodies[round % 3], bytes);
        for (unsigned k = chance_below(&seed, 3); k > 0; k--) {
            static const char some[] = "\x01=0123456789ABCYN. -";
            bytes[20 + chance_below(&seed, (uint32_t)size - 28)] = some[chance_below(&seed, sizeof some - 1)];
        }
        struct fix_refusal why = {0}, other = {0};
        if (fix_parse(&msg, bytes, size) != OK)
            continue;
        const struct fix_dict_message *d = fix_dict_find(msg.type);
        if (!d)
            continue;
        bool quickly = fix_validate_quickly(&msg, d, round & 1);
        enum err carefully = fix_validate_carefully(&msg, d, round & 1, &why);
        cr_assert_eq(quickly, carefully == OK, "%.*s: reason %d tag %u", (int)size, bytes, why.reason,
                     why.ref_tag);
        cr_assert_eq(fix_validate(&msg, round & 1, &other), carefully, "%.*s", (int)size, bytes);
        cr_assert(other.reason == why.reason && other.ref_tag == why.ref_tag);
        good += quickly;
        bad += !quickly && why.text != NULL;
    }
    cr_assert(good > 1000 && bad > 1000, "%u good, %u bad", good, bad);
}
