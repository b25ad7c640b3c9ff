/* version - what --version, /livez and status answer. */
#ifndef COMMON_VERSION_H
#define COMMON_VERSION_H

#ifndef KALYPSO_VERSION
#define KALYPSO_VERSION "0.1.0"
#endif

#endif /* COMMON_VERSION_H */
