/*
 * The sub-commands of `modgate mod`: plumbing over src/gomod for tests and scripts. To add one:
 * declare it here, write it, give it a row in the table of cmd_mod.c. argv[0] is its full name
 * ("mod escape"), as messages show it.
 */
#ifndef MODGATE_CLI_CMD_MOD_H
#define MODGATE_CLI_CMD_MOD_H

#include "cli/cli.h"

int cmd_mod_json(int argc, char **argv);
int cmd_mod_check(int argc, char **argv);
int cmd_mod_escape(int argc, char **argv);
int cmd_mod_unescape(int argc, char **argv);
int cmd_mod_pseudo(int argc, char **argv);
int cmd_mod_latest(int argc, char **argv);
int cmd_mod_hash(int argc, char **argv);
int cmd_mod_zip(int argc, char **argv);

#endif
