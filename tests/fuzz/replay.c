/* main() of the fuzz targets where no fuzzer drives them: each argument is a file, or a folder of
   files, that is fed to the target once. With CORELAY_FUZZER a fuzzer brings its own (tests/fuzz/run).
   */
#include <dirent.h>
#include <stdio.h>

#include "base/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifndef CORELAY_FUZZER

static int feed(const char *path)
{
    struct buf bytes = {0};
    status s = file_read(path, &bytes);

    if (s)
        fprintf(stderr, "%s: %s\n", path, status_text(s));
    else
        LLVMFuzzerTestOneInput((const uint8_t *)(bytes.p ? bytes.p : ""), bytes.n);
    buf_free(&bytes);
    return s != OK;
}

static int feed_folder(DIR *folder, const char *path)
{
    char name[4096];
    int failed = 0;

    for (struct dirent *e; (e = readdir(folder)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(name, sizeof name, "%s/%s", path, e->d_name);
        failed |= feed(name);
    }
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0;

    for (int i = 1; i < argc; i++) {
        DIR *folder = opendir(argv[i]);
        failed |= folder ? feed_folder(folder, argv[i]) : feed(argv[i]);
        if (folder)
            closedir(folder);
    }
    return failed;
}

#endif
