#include "workers/mine/candidate.h"

#include <assert.h>

const char *verdict_name(enum verdict v)
{
	assert(v < N_VERDICTS);
	return v == CHOSEN ? "chosen"
			   : protobuf_c_message_descriptor_get_field(&pb__rejected__descriptor, v)
				     ->name;
}
