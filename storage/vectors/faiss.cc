#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <numeric>
#include <stdexcept>
#include <vector>

#include <faiss/Clustering.h>
#include <faiss/Index.h>
#include <faiss/IndexFlat.h>
#include <faiss/IndexHNSW.h>
#include <faiss/IndexIDMap.h>
#include <faiss/IndexIVF.h>
#include <faiss/IndexIVFFastScan.h>
#include <faiss/IndexIVFPQ.h>
#include <faiss/IndexIVFPQFastScan.h>
#include <faiss/IndexNNDescent.h>
#include <faiss/IndexNSG.h>
#include <faiss/IndexPQ.h>
#include <faiss/IndexPQFastScan.h>
#include <faiss/IndexPreTransform.h>
#include <faiss/IndexRefine.h>
#include <faiss/VectorTransform.h>
#include <faiss/impl/AuxIndexStructures.h>
#include <faiss/impl/FaissException.h>
#include <faiss/impl/ProductQuantizer.h>
#include <faiss/impl/io.h>
#include <faiss/index_factory.h>
#include <faiss/index_io.h>
#include <faiss/utils/distances.h>
#include <omp.h>

extern "C" {
#include "storage/vectors/faiss.h"

void openblas_set_num_threads(int n);
}

struct faiss_index {
	std::unique_ptr<faiss::Index> index;
	std::vector<std::unique_ptr<faiss::ProductQuantizer>> hushed; /* lent to its OPQs */
};

namespace
{

/* FAISS knows one interrupt callback a process; which call on this thread to ask is ours to say. */
thread_local const faiss_stop *current_stop;

struct ask_current : faiss::InterruptCallback {
	bool want_interrupt() override
	{
		return current_stop && current_stop->asked &&
		       current_stop->asked(current_stop->arg);
	}
};

/* For as long as a call lasts: its thread alone computes, and its own stop is asked. */
class alone
{
      public:
	explicit alone(const faiss_stop *stop)
	{
		static std::once_flag once;
		std::call_once(once, [] {
			faiss::InterruptCallback::instance = std::make_unique<ask_current>();
			/* Below so many queries FAISS runs a scalar loop, slower than BLAS from four
			 * queries on; fewer do not come here. */
			faiss::distance_compute_blas_threshold = 4;
		});
		omp_set_num_threads(1);
		openblas_set_num_threads(1);
		current_stop = stop;
	}
	~alone()
	{
		current_stop = nullptr;
	}
};

bool stopped(const faiss_stop *stop)
{
	return stop && stop->asked && stop->asked(stop->arg);
}

/* What FAISS says without where in its sources it says it. */
const char *sentence(const char *what)
{
	const char *said = strstr(what, "Error: ");

	if (said)
		return said + strlen("Error: ");
	/* Error in FUNCTION at FILE:LINE: what it is */
	const char *place = strncmp(what, "Error in ", 9) == 0 ? strstr(what, " at ") : nullptr;
	said = place ? strstr(place, ": ") : nullptr;
	return said ? said + strlen(": ") : what;
}

/* What a callback said, on its way out; one that fails without a word gets the caller's. */
struct told_failure {
	struct error said;
};

/* Runs `f`; whatever it throws becomes an error. */
template <typename F>
enum code guarded(const faiss_stop *stop, enum code code, const char *reason, struct error *e, F f)
{
	try {
		alone here(stop);
		f();
		return OK;
	} catch (const std::bad_alloc &) {
		return error_memory(e);
	} catch (const told_failure &failure) {
		if (failure.said.code == OK)
			return error_set(
				e, code, reason, "The index failed for an unknown reason.");
		*e = failure.said;
		return e->code;
	} catch (const std::exception &x) {
		if (stopped(stop))
			return error_set(e, CANCELLED, "CANCELLED", "The request was cancelled.");
		return error_set(e, code, reason, "The index failed: %s.", sentence(x.what()));
	} catch (...) {
		return error_set(e, code, reason, "The index failed for an unknown reason.");
	}
}

/* No index of anybody has a million lists, links or codes, which FAISS would try to allocate, nor
 * none, by which it would divide. What follows an x ("PQ16x8") are bits to shift by. */
bool numbers_are_sane(const char *factory)
{
	for (const char *at = factory; *at;) {
		char *end;
		if (!isdigit((unsigned char)*at)) {
			at++;
			continue;
		}
		unsigned long long number = strtoull(at, &end, 10);
		bool bits = at > factory && at[-1] == 'x';
		if (number == 0 || number > (bits ? 16 : 1000000))
			return false;
		at = end;
	}
	return true;
}

/* FAISS warns on stderr about few training points; a library does not print. What an OPQ trains
 * with is its own affair unless it is given a quantizer, which it does not own. */
void hush(faiss::ClusteringParameters &cp)
{
	cp.min_points_per_centroid = 1;
}

void hush_rotations(faiss_index *made, faiss::Index *index)
{
	auto *pre = dynamic_cast<faiss::IndexPreTransform *>(index);

	for (faiss::VectorTransform *step : pre ? pre->chain : decltype(pre->chain)())
		if (auto *opq = dynamic_cast<faiss::OPQMatrix *>(step)) {
			made->hushed.push_back(
				std::make_unique<faiss::ProductQuantizer>(opq->d_out, opq->M, 8));
			opq->pq = made->hushed.back().get();
			hush(opq->pq->cp);
		}
}

/* Search settings by size, fixed before the index is served: FAISS keeps them as fields, and a
 * served index is never changed. Polysemous codes are for a search that nobody asks for; annealing
 * them takes minutes in which nothing can be interrupted. */
void settle(faiss::Index *index)
{
	if (auto *pre = dynamic_cast<faiss::IndexPreTransform *>(index))
		settle(pre->index);
	if (auto *refine = dynamic_cast<faiss::IndexRefine *>(index)) {
		refine->k_factor = 4;
		settle(refine->base_index);
	}
	if (auto *ivf = dynamic_cast<faiss::IndexIVF *>(index)) {
		hush(ivf->cp);
		ivf->nprobe = (size_t)std::ceil(std::sqrt((double)ivf->nlist));
		settle(ivf->quantizer);
	}
	if (auto *ivfpq = dynamic_cast<faiss::IndexIVFPQ *>(index)) {
		hush(ivfpq->pq.cp);
		ivfpq->do_polysemous_training = false;
	}
	if (auto *pq = dynamic_cast<faiss::IndexPQ *>(index)) {
		hush(pq->pq.cp);
		pq->do_polysemous_training = false;
	}
	if (auto *hnsw = dynamic_cast<faiss::IndexHNSW *>(index)) {
		hnsw->hnsw.efConstruction = 200;
		hnsw->hnsw.efSearch = 256;
	}
}

enum code bad_index(struct error *e)
{
	error_prefix(e,
		"It is \"exact\", \"lists<n>\" such as \"lists4096\", or a FAISS factory string "
		"such as \"IVF1024,Flat\". ");
	return error_field(e, "index");
}

/* Vectors assigned so far, of how many, by all k-means of one training. */
struct tally {
	const faiss_watch *watch;
	uint64_t done, total;

	void add(uint64_t n)
	{
		done = std::min(done + n, total);
		if (watch && watch->told)
			watch->told(watch->arg, done, total);
	}
};

/* The index with which k-means finds each vector's centroid, in the blocks that FAISS itself would
 * cut: the centroids are the same, and somebody hears of every block. */
struct told_assigner : faiss::IndexFlat {
	enum { BLOCK = 4096 };
	tally *count;

	told_assigner(size_t dimension, faiss::MetricType metric, tally *to)
	    : faiss::IndexFlat((idx_t)dimension, metric), count(to)
	{
	}
	void search(idx_t n, const float *x, idx_t k, float *distances, idx_t *labels,
		const faiss::SearchParameters *params) const override
	{
		for (idx_t i = 0, m; i < n; i += m) {
			m = std::min<idx_t>(n - i, BLOCK);
			faiss::IndexFlat::search(
				m, x + i * d, k, distances + i * k, labels + i * k, params);
			count->add((uint64_t)m);
		}
	}
};

/* Lends assigners to every k-means inside an index, for as long as it is trained. */
class training
{
	tally count;
	size_t n;
	std::vector<std::unique_ptr<told_assigner>> assigners;
	std::vector<faiss::Index **> lent;

	void lend(faiss::Index **to, size_t dimension, faiss::MetricType metric)
	{
		assigners.push_back(std::make_unique<told_assigner>(dimension, metric, &count));
		lent.push_back(to);
		*to = assigners.back().get();
	}
	size_t sample(const faiss::ClusteringParameters &cp, size_t centroids) const
	{
		return std::min(n, centroids * (size_t)cp.max_points_per_centroid);
	}
	void lend_pq(faiss::ProductQuantizer &pq)
	{
		lend(&pq.assign_index, pq.dsub, faiss::METRIC_L2);
		count.total += pq.M * (uint64_t)pq.cp.niter * sample(pq.cp, pq.ksub);
	}
	void lend_opq(faiss::OPQMatrix &opq)
	{
		uint64_t rounds = (uint64_t)(opq.niter_pq_0 + (opq.niter - 1) * opq.niter_pq);
		lend(&opq.pq->assign_index, opq.pq->dsub, faiss::METRIC_L2);
		count.total += rounds * opq.pq->M * std::min(n, opq.max_train_points);
	}
	void lend_lists(faiss::IndexIVF &ivf)
	{
		auto *flat = dynamic_cast<faiss::IndexFlat *>(ivf.quantizer);
		if (ivf.quantizer_trains_alone == 1)
			return look(ivf.quantizer);
		if (!flat && ivf.quantizer_trains_alone != 2)
			return;
		lend(&ivf.clustering_index, (size_t)ivf.d,
			ivf.quantizer_trains_alone == 2 ? faiss::METRIC_L2 : flat->metric_type);
		count.total += (uint64_t)ivf.cp.niter * sample(ivf.cp, ivf.nlist);
	}
	void look(faiss::Index *index)
	{
		if (auto *pre = dynamic_cast<faiss::IndexPreTransform *>(index)) {
			for (faiss::VectorTransform *step : pre->chain)
				if (auto *opq = dynamic_cast<faiss::OPQMatrix *>(step))
					lend_opq(*opq);
			look(pre->index);
		}
		if (auto *refine = dynamic_cast<faiss::IndexRefine *>(index)) {
			look(refine->base_index);
			look(refine->refine_index);
		}
		if (auto *hnsw = dynamic_cast<faiss::IndexHNSW *>(index))
			look(hnsw->storage);
		if (auto *ivf = dynamic_cast<faiss::IndexIVF *>(index))
			lend_lists(*ivf);
		if (auto *ivfpq = dynamic_cast<faiss::IndexIVFPQ *>(index))
			lend_pq(ivfpq->pq);
		if (auto *fast = dynamic_cast<faiss::IndexIVFPQFastScan *>(index))
			lend_pq(fast->pq);
		if (auto *pq = dynamic_cast<faiss::IndexPQ *>(index))
			lend_pq(pq->pq);
		if (auto *fast = dynamic_cast<faiss::IndexPQFastScan *>(index))
			lend_pq(fast->pq);
	}

      public:
	training(faiss::Index *index, size_t rows, const faiss_watch *watch)
	    : count{watch, 0, 0}, n(rows)
	{
		look(index);
		count.add(0);
	}
	~training()
	{
		for (faiss::Index **to : lent)
			*to = nullptr;
	}
};

/* What is not to be asked of an index that is none. */
struct no_index : faiss::Index {
	explicit no_index(const struct faiss_kmeans *k) : faiss::Index((idx_t)k->dimension)
	{
	}
	void add(idx_t, const float *) override
	{
	}
	void search(idx_t, const float *, idx_t, float *, idx_t *,
		const faiss::SearchParameters *) const override
	{
		throw std::logic_error("it cannot be searched");
	}
	void reset() override
	{
	}
};

/* What k-means takes for rows are their numbers. It decodes inside OpenMP, so nothing may be thrown. */
struct row_numbers : no_index {
	const struct faiss_kmeans *how;

	explicit row_numbers(const struct faiss_kmeans *k) : no_index(k), how(k)
	{
	}
	size_t sa_code_size() const override
	{
		return sizeof(uint32_t);
	}
	void sa_decode(idx_t n, const uint8_t *bytes, float *x) const override
	{
		const uint32_t *row = (const uint32_t *)bytes;
		for (idx_t i = 0; i < n; i++)
			how->read(how->arg, row[i], x + i * d);
	}
};

/* Has the caller find each row's centroid. */
struct asking_assigner : no_index {
	const struct faiss_kmeans *how;

	explicit asking_assigner(const struct faiss_kmeans *k) : no_index(k), how(k)
	{
	}
	void add(idx_t, const float *x) override
	{
		told_failure failure = {};
		if (how->learn(how->arg, x, &failure.said))
			throw failure;
	}
	void search(idx_t n, const float *x, idx_t, float *distances, idx_t *labels,
		const faiss::SearchParameters *) const override
	{
		told_failure failure = {};
		std::fill(distances, distances + n, 0); /* a statistic that nobody reads */
		if (how->assign(how->arg, (size_t)n, x, (int64_t *)labels, &failure.said))
			throw failure;
	}
};

/* The graph that takes an efSearch with the call. */
const faiss::IndexHNSW *graph_of(const faiss::Index *index)
{
	bool other = dynamic_cast<const faiss::IndexHNSW2Level *>(index);

	return other ? nullptr : dynamic_cast<const faiss::IndexHNSW *>(index);
}

/* A search's own parameters, as FAISS wants them: objects beside the index, which nobody writes to.
 * FAISS refuses them for whatever is not named here. */
class brought
{
	faiss::SearchParametersPreTransform pre;
	faiss::SearchParametersIVF ivf;
	faiss::SearchParametersHNSW hnsw;

	faiss::SearchParameters *graph(const faiss::IndexHNSW *at, uint32_t ef_search)
	{
		hnsw.efSearch = ef_search ? (int)ef_search : at->hnsw.efSearch;
		return &hnsw;
	}
	faiss::SearchParameters *lists(const faiss::IndexIVF *at, const faiss_parameters &how)
	{
		const faiss::IndexHNSW *coarse = graph_of(at->quantizer);
		ivf.nprobe = how.nprobe ? how.nprobe : at->nprobe;
		ivf.max_codes = at->max_codes;
		ivf.quantizer_params = coarse ? graph(coarse, how.ef_search) : nullptr;
		return &ivf;
	}

      public:
	faiss::SearchParameters *of(const faiss::Index *index, const faiss_parameters &how)
	{
		if (auto *at = dynamic_cast<const faiss::IndexPreTransform *>(index)) {
			pre.index_params = of(at->index, how);
			return &pre;
		}
		if (auto *at = dynamic_cast<const faiss::IndexIVF *>(index))
			return lists(at, how);
		return graph(graph_of(index), how.ef_search);
	}
};

faiss_parameters settled(const faiss::Index *index)
{
	if (auto *pre = dynamic_cast<const faiss::IndexPreTransform *>(index))
		return settled(pre->index);
	if (auto *graph = graph_of(index))
		return {0, (uint32_t)graph->hnsw.efSearch, 0};
	auto *ivf = dynamic_cast<const faiss::IndexIVF *>(index);
	if (!ivf || dynamic_cast<const faiss::IndexIVFFastScan *>(index))
		return {};
	const faiss::IndexHNSW *coarse = graph_of(ivf->quantizer);
	return {(uint32_t)ivf->nprobe, coarse ? (uint32_t)coarse->hnsw.efSearch : 0,
		(uint32_t)ivf->nlist};
}

} // namespace

extern "C" enum code faiss_new(const char *factory, uint32_t dimension, enum faiss_metric metric,
	struct faiss_index **out, struct error *e)
{
	if (strlen(factory) > 128 || !numbers_are_sane(factory)) {
		error_set(e, INVALID_ARGUMENT, "BAD_INDEX",
			"The index string is longer than 128 bytes or a number in it is 0 or over "
			"1000000.");
		return bad_index(e);
	}
	enum code rc = guarded(nullptr, INVALID_ARGUMENT, "BAD_INDEX", e, [&] {
		auto made = std::make_unique<faiss_index>();
		made->index.reset(faiss::index_factory((int)dimension, factory,
			metric == FAISS_SQUARED_L2 ? faiss::METRIC_L2
						   : faiss::METRIC_INNER_PRODUCT));
		if (dynamic_cast<faiss::IndexIDMap *>(made->index.get()))
			throw std::runtime_error("IDMap is not needed: rows have their own ids");
		settle(made->index.get());
		hush_rotations(made.get(), made->index.get());
		*out = made.release();
	});
	return rc == INVALID_ARGUMENT ? bad_index(e) : rc;
}

extern "C" void faiss_free(struct faiss_index *index)
{
	delete index;
}

extern "C" bool faiss_wants_training(const struct faiss_index *index)
{
	return !index->index->is_trained;
}

extern "C" bool faiss_wants_all(const struct faiss_index *index)
{
	const faiss::Index *is = index->index.get();

	if (auto *pre = dynamic_cast<const faiss::IndexPreTransform *>(is))
		is = pre->index;
	return dynamic_cast<const faiss::IndexNSG *>(is) ||
	       dynamic_cast<const faiss::IndexNNDescent *>(is);
}

extern "C" enum code faiss_train(struct faiss_index *index, size_t n, const float *rows,
	const struct faiss_stop *stop, const struct faiss_watch *watch, struct error *e)
{
	return guarded(stop, FAILED_PRECONDITION, "INDEX_NOT_BUILDABLE", e, [&] {
		training here(index->index.get(), n, watch);
		index->index->train((faiss::Index::idx_t)n, rows);
	});
}

extern "C" enum code faiss_add(struct faiss_index *index, size_t n, const float *rows,
	const struct faiss_stop *stop, struct error *e)
{
	return guarded(stop, FAILED_PRECONDITION, "INDEX_NOT_BUILDABLE", e,
		[&] { index->index->add((faiss::Index::idx_t)n, rows); });
}

extern "C" size_t faiss_rows(const struct faiss_index *index)
{
	return (size_t)index->index->ntotal;
}

extern "C" struct faiss_parameters faiss_settled(const struct faiss_index *index)
{
	return settled(index->index.get());
}

extern "C" enum code faiss_search(const struct faiss_index *index, size_t n, const float *queries,
	size_t k, const struct faiss_parameters *how, float *scores, int64_t *rows,
	const struct faiss_stop *stop, struct error *e)
{
	static_assert(sizeof(faiss::Index::idx_t) == sizeof *rows, "rows are FAISS's own numbers");
	return guarded(stop, INTERNAL, "INDEX_FAILED", e, [&] {
		brought own;
		bool any = how && (how->nprobe || how->ef_search);
		index->index->search((faiss::Index::idx_t)n, queries, (faiss::Index::idx_t)k,
			scores, (faiss::Index::idx_t *)rows,
			any ? own.of(index->index.get(), *how) : nullptr);
	});
}

extern "C" enum code faiss_pack(
	const struct faiss_index *index, unsigned char **bytes, size_t *n, struct error *e)
{
	return guarded(nullptr, INTERNAL, "INDEX_FAILED", e, [&] {
		faiss::VectorIOWriter writer;
		faiss::write_index(index->index.get(), &writer);
		unsigned char *copy = (unsigned char *)malloc(writer.data.size());
		if (!copy)
			throw std::bad_alloc();
		memcpy(copy, writer.data.data(), writer.data.size());
		*bytes = copy;
		*n = writer.data.size();
	});
}

extern "C" enum code faiss_unpack(
	const unsigned char *bytes, size_t n, struct faiss_index **out, struct error *e)
{
	return guarded(nullptr, INTERNAL, "INDEX_FAILED", e, [&] {
		faiss::VectorIOReader reader;
		reader.data.assign(bytes, bytes + n);
		auto made = std::make_unique<faiss_index>();
		made->index.reset(faiss::read_index(&reader));
		settle(made->index.get());
		*out = made.release();
	});
}

extern "C" enum code faiss_kmeans(const struct faiss_kmeans *how, uint32_t n, float *centroids,
	const struct faiss_stop *stop, struct error *e)
{
	return guarded(stop, FAILED_PRECONDITION, "INDEX_NOT_BUILDABLE", e, [&] {
		asking_assigner assigner(how);
		row_numbers codec(how);
		std::vector<uint32_t> rows(n);
		std::iota(rows.begin(), rows.end(), 0);
		faiss::Clustering means((int)how->dimension, (int)how->lists);
		hush(means);
		means.max_points_per_centroid = (int)(n / how->lists + 1);
		means.niter = (int)how->iterations;
		means.seed = how->seed;
		means.spherical = how->spherical;
		means.decode_block_size =
			std::max<size_t>(1, KMEANS_BYTES / (how->dimension * sizeof(float)));
		means.train_encoded(
			(faiss::Index::idx_t)n, (const uint8_t *)rows.data(), &codec, assigner);
		std::copy(means.centroids.begin(), means.centroids.end(), centroids);
	});
}
