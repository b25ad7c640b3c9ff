/* process - what this process costs: metrics under the names that Prometheus's
 * own clients give them. Read from /proc when somebody asks. */
#ifndef COMMON_PROCESS_H
#define COMMON_PROCESS_H

/* Show process_start_time_seconds, process_cpu_seconds_total,
 * process_resident_memory_bytes, process_open_fds and service_build_info from
 * now on. Not thread-safe: call it while starting. */
void process_register(void);

/* Bring them up to date, before metric_print(). What /proc doesn't tell stays
 * as it was. One thread at a time. */
void process_measure(void);

#endif /* COMMON_PROCESS_H */
