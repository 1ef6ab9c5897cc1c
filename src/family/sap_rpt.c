/*
 * sap-rpt: SAP's models for tables (executable aicore-sap). They have one call, which is passed on
 * as the caller made it, so there is nothing to say of it but that it is there.
 *
 * Wire: SAP AI Core, "SAP-RPT-1".
 */
#include "family/family.h"

const struct family family_sap_rpt = {.name = "sap-rpt", .wire = WIRE_NONE, .predicts = true};
