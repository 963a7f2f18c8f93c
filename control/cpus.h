/*
 * How many CPUs this process may really use: `workers: auto`.
 */
#ifndef MIST_CONTROL_CPUS_H
#define MIST_CONTROL_CPUS_H

/* The smallest of: CPUs of the affinity mask, CPUs of the control group's quota (rounded up), 16.
 * At least 1. `root` stands before the paths of the system; "" outside of tests. */
unsigned cpus_usable(const char *root);

/* The quota alone; 0: there is none. */
unsigned cpus_quota(const char *root);

#endif
