/* process_* figures under the names that all Prometheus clients use; from /proc and getrusage. */
#include "ops/metrics.h"
#include "ops/metrics_priv.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1024 };

static void print_one(struct buf *b, const char *name, const char *type, const char *help,
                      double value)
{
    metrics_head(b, name, type, help);
    metrics_row(b, name, NULL, S(""), value);
}

static double cpu_seconds(void)
{
    struct rusage u = {0};
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* The first line of a file that starts with the prefix, in line; "" if there is none. */
static struct slice find_line(const char *path, const char *prefix,
                              char line[static LINE_MAX_BYTES])
{
    FILE *f = fopen(path, "re");
    bool found = false;
    if (!f)
        return S(""); /* without /proc these figures are 0 */
    while (!found && fgets(line, LINE_MAX_BYTES, f))
        found = slice_starts(slice_of(line), slice_of(prefix));
    fclose(f);
    return found ? slice_trim(slice_of(line)) : S("");
}

/* The index-th number (from 0) of a line of words separated by blanks; 0 if it is not there. */
static double number_at(struct slice line, int index)
{
    uint64_t v = 0;
    while (line.p && index >= 0) {
        struct slice word = slice_cut(&line, ' ');
        if (index-- == 0 && !slice_parse_u64(word, &v))
            return 0;
    }
    return (double)v;
}

/* proc(5): field 22 of /proc/self/stat, in clock ticks since the boot; btime of /proc/stat. */
static double start_time_s(void)
{
    char line[LINE_MAX_BYTES];
    double boot_s = number_at(find_line("/proc/stat", "btime ", line), 1);
    struct slice stat = find_line("/proc/self/stat", "", line);
    ptrdiff_t name_end = slice_rfind(stat, ')');
    if (name_end < 0)
        return 0;
    double ticks = number_at(slice_skip(stat, (size_t)name_end + 2), 19);
    return boot_s + ticks / (double)sysconf(_SC_CLK_TCK);
}

static double open_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    double n = 0;
    if (!dir)
        return 0;
    for (struct dirent *e; (e = readdir(dir));) {
        if (e->d_name[0] != '.')
            n++;
    }
    closedir(dir);
    return n - 1; /* the one that reads the folder */
}

void metrics_print_process(struct buf *b)
{
    struct rlimit files = {0};
    char line[LINE_MAX_BYTES];
    struct slice statm = find_line("/proc/self/statm", "", line); /* pages: size, resident, … */
    double page_bytes = (double)sysconf(_SC_PAGESIZE);
    getrlimit(RLIMIT_NOFILE, &files);
    print_one(b, "process_cpu_seconds_total", "counter", "User and system CPU time.",
              cpu_seconds());
    print_one(b, "process_resident_memory_bytes", "gauge", "Resident memory.",
              number_at(statm, 1) * page_bytes);
    print_one(b, "process_virtual_memory_bytes", "gauge", "Virtual memory.",
              number_at(statm, 0) * page_bytes);
    print_one(b, "process_open_fds", "gauge", "Open file descriptors.", open_descriptors());
    print_one(b, "process_max_fds", "gauge", "Greatest number of open file descriptors.",
              (double)files.rlim_cur);
    print_one(b, "process_start_time_seconds", "gauge", "Start of the process, in Unix seconds.",
              start_time_s());
}
