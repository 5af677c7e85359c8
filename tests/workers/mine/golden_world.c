#include "tests/workers/mine/golden_world.h"

#include "tests/workers/mine/golden.h"

enum { DIMENSION = 3 };

/* Three floats whose dot product with {1, 2^-24, 2^-48} is the double, to its last bit. */
static void exactly(double score, float *row)
{
	row[0] = (float)score;
	row[1] = (float)((score - row[0]) * 0x1p24);
	row[2] = (float)(((score - row[0]) - row[1] * 0x1p-24) * 0x1p48);
}

void golden_fill(struct world *w)
{
	static const float query[] = {1, 0x1p-24, 0x1p-48};
	struct seed_document documents[GOLDEN];
	const char *ids[] = {"q"};
	float rows[GOLDEN][DIMENSION];

	for (int i = 0; i < GOLDEN; i++) {
		documents[i] = (struct seed_document){
			golden_ids[i], NULL, arena_printf(&w->arena, "text %d", i), NULL};
		exactly(golden_scores[i], rows[i]);
	}
	world_documents(w, documents, GOLDEN);
	world_query(w, "q", "a question", NULL);
	world_positive(w, "q", "p1");
	world_positive(w, "q", "p2");
	world_begin(w, DIMENSION, PB__SIMILARITY__SIMILARITY_DOT);
	world_vectors(w, PB__SIDE__SIDE_DOCUMENT, golden_ids, GOLDEN, rows[0], DIMENSION);
	world_vectors(w, PB__SIDE__SIDE_QUERY, ids, 1, query, DIMENSION);
	world_publish(w);
}
