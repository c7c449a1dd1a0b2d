/* main.c - finds the command and runs it. */
#include <stdio.h>
#include <string.h>

#include "tiler/cli/report.h"
#include "tiler/command.h"

static const struct command commands[] = {
    {"build", "make a tileset from rasters or vectors", command_build},
    {"import", "make a tileset of MBTiles, PMTiles, folders, caches",
     command_import},
    {"export", "write a tileset as MBTiles, PMTiles or a folder",
     command_export},
    {"copy", "copy a tileset, linking its packs", command_copy},
    {"extract", "make a tileset of a part of one", command_extract},
    {"merge", "make one tileset of several", command_merge},
    {"diff", "compare two tilesets", command_diff},
    {"edit", "change a tileset's metadata", command_edit},
    {"stats", "count tiles and bytes by zoom", command_stats},
    {"tile", "write one tile to standard output", command_tile},
    {"info", "say what a tileset holds", command_info},
    {"verify", "check a tileset, and repair it", command_verify},
    {"gc", "remove old generations", command_gc},
};

enum { NCOMMANDS = sizeof(commands) / sizeof(commands[0]) };

static int print_help(void)
{
    printf("usage: imbrex-tiler COMMAND [options] ...\n\n"
           "Makes, checks and converts map tilesets.\n\nCommands:\n");
    for (int i = 0; i < NCOMMANDS; i++)
        printf("  %-10s %s\n", commands[i].name, commands[i].summary);
    printf("\n`imbrex-tiler COMMAND --help` lists a command's options.\n");
    return EXIT_DONE;
}

static int print_version(void)
{
    printf("imbrex-tiler %s\n", IBX_VERSION);
    return EXIT_DONE;
}

static int run_command(int argc, char **argv)
{
    for (int i = 0; i < NCOMMANDS; i++) {
        if (strcmp(argv[0], commands[i].name) == 0)
            return commands[i].run(argc, argv);
    }
    report(argv[0], "see imbrex-tiler --help", "there is no such command");
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        report(NULL, "see imbrex-tiler --help", "a command is missing");
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return print_help();
    if (strcmp(argv[1], "--version") == 0)
        return print_version();
    int code = run_command(argc - 1, argv + 1);
    /* A result that did not reach the pipe or the disk is not a result. */
    if (fflush(stdout) != 0 && code == EXIT_DONE) {
        report("standard output", NULL, "cannot be written");
        return EXIT_FAILED;
    }
    return code;
}
