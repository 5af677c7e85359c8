/*
 * Every operation, once. gRPC methods, REST routes, OpenAPI, metrics labels, the CLI's `call` and
 * the permission tests all come from this table; a test holds it equal to the service descriptor.
 *
 * X(Name, handler, Request, Response, VERB, path, lane, permission, streaming)
 *
 *   {variables} of a path are fields of the request. A row whose path is NULL is gRPC only. A
 *   SERVER_STREAM row shares its path with a UNARY twin, or stands alone: REST then answers NDJSON,
 *   and between twins `Accept: application/x-ndjson` chooses the stream.
 *
 *   lane        QUICK   storage only; many may wait for the disk together
 *               HEAVY   computes; bounded by the workers
 *   permission  READ, WRITE, ADMIN
 *   streaming   UNARY, CLIENT_STREAM (the handler runs once a message, into one response),
 *               SERVER_STREAM (the handler emits responses)
 */
#ifndef PROTO_OPERATIONS_H
#define PROTO_OPERATIONS_H

enum verb { GET, POST, DELETE };
enum lane { QUICK, HEAVY };
enum permission { READ, WRITE, ADMIN };
enum streaming { UNARY, CLIENT_STREAM, SERVER_STREAM };

#define COLLECTION "/v1/collections/{collection}"

/* clang-format off */
#define OPERATIONS(X) \
	X(GetInfo, get_info, GetInfoRequest, Info, GET, "/v1/info", QUICK, READ, UNARY) \
	X(CreateCollection, create_collection, CreateCollectionRequest, Collection, POST, "/v1/collections", QUICK, WRITE, UNARY) \
	X(ListCollections, list_collections, ListCollectionsRequest, ListCollectionsResponse, GET, "/v1/collections", QUICK, READ, UNARY) \
	X(GetCollection, get_collection, GetCollectionRequest, Collection, GET, COLLECTION, QUICK, READ, UNARY) \
	X(DeleteCollection, delete_collection, DeleteCollectionRequest, DeleteCollectionResponse, DELETE, COLLECTION, QUICK, ADMIN, UNARY) \
	X(UpsertDocuments, upsert_documents, UpsertDocumentsRequest, UpsertResponse, POST, COLLECTION "/documents", QUICK, WRITE, UNARY) \
	X(UpsertQueries, upsert_queries, UpsertQueriesRequest, UpsertResponse, POST, COLLECTION "/queries", QUICK, WRITE, UNARY) \
	X(UpsertPositives, upsert_positives, UpsertPositivesRequest, UpsertResponse, POST, COLLECTION "/positives", QUICK, WRITE, UNARY) \
	X(UploadDocuments, upsert_documents, UpsertDocumentsRequest, UpsertResponse, POST, NULL, QUICK, WRITE, CLIENT_STREAM) \
	X(UploadQueries, upsert_queries, UpsertQueriesRequest, UpsertResponse, POST, NULL, QUICK, WRITE, CLIENT_STREAM) \
	X(UploadPositives, upsert_positives, UpsertPositivesRequest, UpsertResponse, POST, NULL, QUICK, WRITE, CLIENT_STREAM) \
	X(GetDocument, get_document, GetDocumentRequest, Document, GET, COLLECTION "/documents/{id}", QUICK, READ, UNARY) \
	X(BeginGeneration, begin_generation, BeginGenerationRequest, Generation, POST, COLLECTION "/generations", QUICK, WRITE, UNARY) \
	X(UpsertVectors, upsert_vectors, UpsertVectorsRequest, UpsertVectorsResponse, POST, COLLECTION "/generations/{generation}/vectors", QUICK, WRITE, UNARY) \
	X(UploadVectors, upsert_vectors, UpsertVectorsRequest, UpsertVectorsResponse, POST, NULL, QUICK, WRITE, CLIENT_STREAM) \
	X(PublishGeneration, publish_generation, PublishGenerationRequest, PublishGenerationResponse, POST, COLLECTION "/generations/{generation}:publish", HEAVY, WRITE, UNARY) \
	X(ListGenerations, list_generations, ListGenerationsRequest, ListGenerationsResponse, GET, COLLECTION "/generations", QUICK, READ, UNARY) \
	X(EncodeCollection, encode_collection, EncodeCollectionRequest, Job, POST, COLLECTION ":encode", QUICK, WRITE, UNARY) \
	X(Search, search, SearchRequest, SearchResponse, POST, COLLECTION ":search", HEAVY, READ, UNARY) \
	X(MineNegatives, mine_negatives, MineNegativesRequest, MineNegativesResponse, POST, COLLECTION ":mine", HEAVY, READ, UNARY) \
	X(MineNegativesStream, mine_negatives_stream, MineNegativesRequest, MineResult, POST, COLLECTION ":mine", HEAVY, READ, SERVER_STREAM) \
	X(MineCollection, mine_collection, MineCollectionRequest, Job, POST, COLLECTION "/mined-sets", QUICK, WRITE, UNARY) \
	X(ListMinedSets, list_mined_sets, ListMinedSetsRequest, ListMinedSetsResponse, GET, COLLECTION "/mined-sets", QUICK, READ, UNARY) \
	X(GetMinedSet, get_mined_set, GetMinedSetRequest, MinedSet, GET, COLLECTION "/mined-sets/{name}", QUICK, READ, UNARY) \
	X(ReadMinedSet, read_mined_set, ReadMinedSetRequest, MineResult, GET, COLLECTION "/mined-sets/{name}/results", QUICK, READ, SERVER_STREAM) \
	X(DeleteMinedSet, delete_mined_set, DeleteMinedSetRequest, DeleteMinedSetResponse, DELETE, COLLECTION "/mined-sets/{name}", QUICK, WRITE, UNARY) \
	X(GetJob, get_job, GetJobRequest, Job, GET, "/v1/jobs/{id}", QUICK, READ, UNARY) \
	X(ListJobs, list_jobs, ListJobsRequest, ListJobsResponse, GET, "/v1/jobs", QUICK, READ, UNARY) \
	X(CancelJob, cancel_job, CancelJobRequest, Job, POST, "/v1/jobs/{id}:cancel", QUICK, WRITE, UNARY)
/* clang-format on */

#endif
