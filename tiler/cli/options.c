#include "tiler/cli/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tiler/cli/report.h"
#include "tiler/cli/value.h"
#include "tiler/command.h"

enum { NBUILTIN = 5, HELP_COLUMN = 26 };

struct builtin {
    bool help, version;
    struct option options[NBUILTIN];
    struct option_group group;
};

/* ---- table rows --------------------------------------------------------- */

struct option option_flag(const char *name, bool *to, const char *help)
{
    return (struct option){
        .name = name, .type = OPTION_FLAG, .to.flag = to, .help = help};
}

struct option option_string(const char *name, const char **to,
                            const char *value, const char *help)
{
    return (struct option){.name = name,
                           .type = OPTION_STRING,
                           .to.string = to,
                           .value = value,
                           .help = help};
}

struct option option_strings(const char *name, struct string_list *to,
                             const char *value, const char *help)
{
    return (struct option){.name = name,
                           .type = OPTION_STRINGS,
                           .to.strings = to,
                           .value = value,
                           .help = help};
}

struct option option_choice(const char *name, int64_t *to,
                            const char *const *choices, const char *value,
                            const char *help)
{
    return (struct option){.name = name,
                           .type = OPTION_CHOICE,
                           .to.integer = to,
                           .choices = choices,
                           .value = value,
                           .help = help};
}

struct option option_integer(const char *name, int64_t *to, uint64_t min,
                             uint64_t max, const char *help)
{
    return (struct option){.name = name,
                           .type = OPTION_INTEGER,
                           .to.integer = to,
                           .min = min,
                           .max = max,
                           .value = "N",
                           .help = help};
}

struct option option_size(const char *name, uint64_t *to, uint64_t min,
                          uint64_t max, const char *help)
{
    return (struct option){.name = name,
                           .type = OPTION_SIZE,
                           .to.size = to,
                           .min = min,
                           .max = max,
                           .value = "SIZE",
                           .help = help};
}

struct option option_double(const char *name, double *to, const char *help)
{
    return (struct option){.name = name,
                           .type = OPTION_DOUBLE,
                           .to.number = to,
                           .value = "VALUE",
                           .help = help};
}

struct option option_zooms(const char *name, struct zoom_range *to,
                           const char *help)
{
    return (struct option){.name = name,
                           .type = OPTION_ZOOMS,
                           .to.zooms = to,
                           .value = "MIN-MAX",
                           .help = help};
}

struct option option_bbox(const char *name, struct bbox *to, const char *help)
{
    return (struct option){.name = name,
                           .type = OPTION_BBOX,
                           .to.bbox = to,
                           .value = "W,S,E,N",
                           .help = help};
}

struct option option_range(const char *name, struct double_range *to,
                           const char *help)
{
    return (struct option){.name = name,
                           .type = OPTION_RANGE,
                           .to.range = to,
                           .value = "MIN:MAX",
                           .help = help};
}

struct option option_letter(char letter, struct option option)
{
    option.letter = letter;
    return option;
}

struct option option_noting(bool *given, struct option option)
{
    option.given = given;
    return option;
}

static void builtin_init(struct builtin *b, struct common_options *common)
{
    struct option *o = b->options;
    o[0] =
        option_letter('q', option_flag("quiet", &common->quiet, "no progress"));
    o[1] = option_letter('v',
                         option_flag("verbose", &common->verbose, "say more"));
    o[2] = option_flag("json", &common->json,
                       "results as JSON on standard output");
    o[3] = option_letter('h',
                         option_flag("help", &b->help, "print this and exit"));
    o[4] = option_flag("version", &b->version, "print the version and exit");
    b->group = (struct option_group){"General", b->options, NBUILTIN};
}

/* ---- help --------------------------------------------------------------- */

static void print_option(const struct option *option)
{
    char left[64];
    char letter[8] = "    ";
    if (option->letter != 0)
        (void)snprintf(letter, sizeof(letter), "-%c, ", option->letter);
    (void)snprintf(left, sizeof(left), "  %s--%s %s", letter, option->name,
                   option->value != NULL ? option->value : "");
    printf("%-*s", HELP_COLUMN, left);
    if (strlen(left) >= HELP_COLUMN)
        printf("\n%*s", HELP_COLUMN, "");
    for (const char *c = option->help; *c != '\0'; c++) {
        putchar(*c);
        if (*c == '\n')
            printf("%*s", HELP_COLUMN, "");
    }
    putchar('\n');
}

static void print_group(const struct option_group *group)
{
    printf("\n%s:\n", group->title);
    for (size_t i = 0; i < group->count; i++)
        print_option(&group->options[i]);
}

static void print_help(const struct command_line *line, const struct builtin *b)
{
    printf("usage: imbrex-tiler %s\n\n%s\n", line->usage, line->about);
    for (size_t i = 0; i < line->ngroups; i++)
        print_group(&line->groups[i]);
    print_group(&b->group);
}

/* ---- values ------------------------------------------------------------- */

static bool in_range(const struct option *option, uint64_t value)
{
    return value >= option->min && (option->max == 0 || value <= option->max);
}

static bool set_integer(const struct option *option, const char *text)
{
    int64_t value = 0;
    if (!value_integer(text, &value) || value < 0 ||
        !in_range(option, (uint64_t)value))
        return false;
    *option->to.integer = value;
    return true;
}

static bool set_size(const struct option *option, const char *text)
{
    uint64_t value = 0;
    if (!value_size(text, &value) || !in_range(option, value))
        return false;
    *option->to.size = value;
    return true;
}

static bool set_choice(const struct option *option, const char *text)
{
    for (int64_t i = 0; option->choices[i] != NULL; i++) {
        if (strcmp(option->choices[i], text) == 0) {
            *option->to.integer = i;
            return true;
        }
    }
    return false;
}

static bool append_string(struct string_list *list, const char *text)
{
    const char **items =
        realloc(list->items, (list->count + 1) * sizeof(*items));
    if (items == NULL)
        return false;
    items[list->count++] = text;
    list->items = items;
    return true;
}

static bool set_value(const struct option *option, const char *text)
{
    switch (option->type) {
    case OPTION_FLAG:
        *option->to.flag = true;
        return true;
    case OPTION_STRING:
        *option->to.string = text;
        return true;
    case OPTION_STRINGS:
        return append_string(option->to.strings, text);
    case OPTION_CHOICE:
        return set_choice(option, text);
    case OPTION_INTEGER:
        return set_integer(option, text);
    case OPTION_SIZE:
        return set_size(option, text);
    case OPTION_DOUBLE:
        return value_double(text, option->to.number);
    case OPTION_ZOOMS:
        return value_zooms(text, option->to.zooms);
    case OPTION_BBOX:
        return value_bbox(text, option->to.bbox);
    case OPTION_RANGE:
        return value_range(text, option->to.range);
    }
    return false;
}

static void join_choices(const struct option *option, char *out, size_t nbytes)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; option->choices[i] != NULL && used < nbytes; i++) {
        int n = snprintf(out + used, nbytes - used, "%s%s", i > 0 ? ", " : "",
                         option->choices[i]);
        used += n > 0 ? (size_t)n : 0;
    }
}

static void explain_numbers(const struct option *option, char *out,
                            size_t nbytes)
{
    const char *kind =
        option->type == OPTION_SIZE ? "a size such as 64M" : "a whole number";
    if (option->max != 0)
        (void)snprintf(out, nbytes, "give %s from %" PRIu64 " to %" PRIu64,
                       kind, option->min, option->max);
    else
        (void)snprintf(out, nbytes, "give %s of at least %" PRIu64, kind,
                       option->min);
}

/* What would have been right, for the report. */
static void explain(const struct option *option, char *out, size_t nbytes)
{
    const char *text = "out of memory";
    char words[256];
    switch (option->type) {
    case OPTION_INTEGER:
    case OPTION_SIZE:
        explain_numbers(option, out, nbytes);
        return;
    case OPTION_CHOICE:
        join_choices(option, words, sizeof(words));
        (void)snprintf(out, nbytes, "give one of %s", words);
        return;
    case OPTION_DOUBLE:
        text = "give a number";
        break;
    case OPTION_ZOOMS:
        text = "give MIN-MAX, one number, or auto; zooms are 0 to 30";
        break;
    case OPTION_BBOX:
        text = "give WEST,SOUTH,EAST,NORTH in degrees";
        break;
    case OPTION_RANGE:
        text = "give MIN:MAX, the smaller one first";
        break;
    case OPTION_FLAG:
    case OPTION_STRING:
    case OPTION_STRINGS:
        break;
    }
    (void)snprintf(out, nbytes, "%s", text);
}

/* ---- finding the option ------------------------------------------------- */

struct parser {
    const struct command_line *line;
    const struct builtin *builtin;
    const char *command;
    int argc;
    char **argv;
    int next; /* argument not looked at yet */
};

static bool names(const struct option *option, const char *name, size_t n)
{
    return strlen(option->name) == n && memcmp(option->name, name, n) == 0;
}

/* `letter` is 0 when a long name of `n` bytes is searched. */
static const struct option *find_in(const struct option_group *group,
                                    const char *name, size_t n, char letter)
{
    for (size_t i = 0; i < group->count; i++) {
        const struct option *option = &group->options[i];
        if (letter != 0 ? option->letter == letter : names(option, name, n))
            return option;
    }
    return NULL;
}

static const struct option *find(const struct parser *p, const char *name,
                                 size_t n, char letter)
{
    for (size_t i = 0; i < p->line->ngroups; i++) {
        const struct option *option =
            find_in(&p->line->groups[i], name, n, letter);
        if (option != NULL)
            return option;
    }
    return find_in(&p->builtin->group, name, n, letter);
}

static bool refuse(const struct parser *p, const char *argument,
                   const char *what)
{
    char advice[96];
    (void)snprintf(advice, sizeof(advice), "see imbrex-tiler %s --help",
                   p->command);
    report(argument, advice, "%s", what);
    return false;
}

static bool apply(const struct parser *p, const struct option *option,
                  const char *argument, const char *value)
{
    if (option->type != OPTION_FLAG && value == NULL)
        return refuse(p, argument, "a value is missing");
    if (!set_value(option, value)) {
        char advice[320];
        explain(option, advice, sizeof(advice));
        report(argument, advice, "bad value \"%s\"", value);
        return false;
    }
    if (option->given != NULL)
        *option->given = true;
    return true;
}

static bool take_value(struct parser *p, const struct option *option,
                       const char *argument)
{
    const char *value = NULL;
    if (option->type != OPTION_FLAG && p->next < p->argc)
        value = p->argv[p->next++];
    return apply(p, option, argument, value);
}

static bool parse_long(struct parser *p, const char *argument)
{
    const char *name = argument + 2;
    size_t n = strcspn(name, "=");
    const struct option *option = find(p, name, n, 0);
    if (option == NULL)
        return refuse(p, argument, "there is no such option");
    if (name[n] != '=')
        return take_value(p, option, argument);
    if (option->type == OPTION_FLAG)
        return refuse(p, argument, "this option takes no value");
    return apply(p, option, argument, name + n + 1);
}

static bool parse_letter(struct parser *p, const char *argument)
{
    const struct option *option = find(p, NULL, 0, argument[1]);
    if (option == NULL)
        return refuse(p, argument, "there is no such option");
    if (argument[2] == '\0')
        return take_value(p, option, argument);
    if (option->type == OPTION_FLAG)
        return refuse(p, argument, "there is no such option");
    return apply(p, option, argument, argument + 2);
}

/* A negative number is an operand's or a value's business, not a letter. */
static bool is_option(const char *argument)
{
    return argument[0] == '-' && argument[1] != '\0' &&
           strchr("0123456789.", argument[1]) == NULL;
}

static bool parse_all(struct parser *p, struct operands *operands)
{
    size_t count = 0;
    bool only_operands = false;
    while (p->next < p->argc) {
        char *argument = p->argv[p->next++];
        if (only_operands || !is_option(argument)) {
            p->argv[1 + count++] = argument; /* never ahead of p->next */
            continue;
        }
        if (strcmp(argument, "--") == 0) {
            only_operands = true;
            continue;
        }
        bool is_long = argument[1] == '-';
        if (!(is_long ? parse_long(p, argument) : parse_letter(p, argument)))
            return false;
    }
    *operands = (struct operands){.items = p->argv + 1, .count = count};
    return true;
}

static bool operands_fit(const struct parser *p, const struct operands *given)
{
    if (given->count < p->line->min_operands)
        return refuse(p, p->command, "too few arguments");
    if (given->count > p->line->max_operands)
        return refuse(p, given->items[p->line->max_operands],
                      "one argument too many");
    return true;
}

enum options_outcome options_parse(const struct command_line *line, int argc,
                                   char **argv, struct common_options *common,
                                   struct operands *operands)
{
    struct builtin builtin = {0};
    builtin_init(&builtin, common);
    struct parser p = {line, &builtin, argv[0], argc, argv, 1};
    if (!parse_all(&p, operands))
        return OPTIONS_BAD;
    if (builtin.help) {
        print_help(line, &builtin);
        return OPTIONS_DONE;
    }
    if (builtin.version) {
        printf("imbrex-tiler %s\n", IBX_VERSION);
        return OPTIONS_DONE;
    }
    return operands_fit(&p, operands) ? OPTIONS_RUN : OPTIONS_BAD;
}

int options_exit_code(enum options_outcome outcome)
{
    return outcome == OPTIONS_BAD ? EXIT_USAGE : EXIT_DONE;
}

void string_list_fini(struct string_list *list)
{
    free(list->items);
    *list = (struct string_list){0};
}
