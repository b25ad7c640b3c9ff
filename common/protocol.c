/* The one place that a build for tests of mixed versions replaces. */
#include "common/protocol.h"

#include "common/version.h"

#ifndef KALYPSO_PROTOCOL
#define KALYPSO_PROTOCOL 1
#endif

const uint16_t protocol_ours = KALYPSO_PROTOCOL;
const char protocol_version[] = KALYPSO_VERSION;
