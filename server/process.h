/* What the kernel says of this process, for the metrics. */
#ifndef SERVER_PROCESS_H
#define SERVER_PROCESS_H

struct process_usage {
	double cpu_seconds, resident_bytes, virtual_bytes, open_fds, max_fds;
};

void process_usage(struct process_usage *out); /* what cannot be read is 0 */

#endif
