/*
 * corelay doctor: what its steps share. Private to src/cli.
 */
#ifndef CORELAY_CLI_DOCTOR_H
#define CORELAY_CLI_DOCTOR_H

#include "cli/session.h"

enum doctor_verdict { DOCTOR_OK, DOCTOR_SKIPPED, DOCTOR_FAILED };

struct doctor {
    struct jwrite *json; /* NULL: print lines */
    int failed;
    struct session session;
};

/* Report one step: "token", of "subaccount alpha". The hint says what to do; NULL: none. */
void doctor_report(struct doctor *d, enum doctor_verdict verdict, const char *step,
                   const char *hint, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* The way to SAP AI Core: for each subaccount the token, its resource groups and deployments, then
   one tiny call for each family. */
void doctor_upstream(struct doctor *d);

/* The way through the web server: key, list of models, and whether a stream arrives as it is sent.
   `model` NULL: the first in the list. */
void doctor_url(struct doctor *d, const char *url, const char *key, const char *model);

#endif
