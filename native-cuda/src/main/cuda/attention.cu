// Attention without stored scores (Dao et al., 2022). A block owns a tile of queries, or of keys, and some elements of each; it makes the
// scores of a tile of queries and keys at a time from Q, K and a few numbers of each query, and adds their products with V, K, Q and so on up
// in registers. Every sum has one order, whatever the grid. A direction has blocks of its own.
#include "dynaxx.cuh"

struct AttentionHeads {
  int examples, tokens, depth, heads, key_heads, causal;
};

namespace attention {

// Threads of a block stand in a square of this side; each has elements at this distance, N x N of a tile.
constexpr int SIDE = 16;
constexpr int N = sizeof(real) == 4 ? 4 : 2;
constexpr int TILE = SIDE * N;
constexpr int PITCH = TILE + 1;
// Terms of a contraction that are in shared memory at a time.
constexpr int RUN = 16;

typedef real Tile[N][N];
typedef real Line[N];

__device__ __forceinline__ int down() { return threadIdx.x / SIDE; }
__device__ __forceinline__ int across() { return threadIdx.x % SIDE; }

// Over the threads of a row of the square, the same in each.
__device__ __forceinline__ double row_sum(double x) {
  for (int offset = SIDE / 2; offset > 0; offset /= 2) {
    x += __shfl_xor_sync(FULL_MASK, x, offset);
  }
  return x;
}

__device__ __forceinline__ real row_max(real x) {
  for (int offset = SIDE / 2; offset > 0; offset /= 2) {
    real other = __shfl_xor_sync(FULL_MASK, x, offset);
    x = other > x ? other : x;
  }
  return x;
}

// t += a b', contracted over n; rows beyond those that are there count as 0
__device__ __forceinline__ void product(Tile& t, const real* a, index_t lda, int rows, const real* b, index_t ldb, int cols, int n) {
  __shared__ real left[RUN * PITCH];
  __shared__ real right[RUN * PITCH];
  for (int from = 0; from < n; from += RUN) {
    __syncthreads();
    for (int i = threadIdx.x; i < RUN * TILE; i += SIDE * SIDE) {
      int d = i % RUN, r = i / RUN;
      bool there = from + d < n;
      left[d * PITCH + r] = there && r < rows ? a[r * lda + from + d] : real(0);
      right[d * PITCH + r] = there && r < cols ? b[r * ldb + from + d] : real(0);
    }
    __syncthreads();
    for (int d = 0; d < RUN; d++) {
      Line x, y;
      for (int i = 0; i < N; i++) {
        x[i] = left[d * PITCH + down() + SIDE * i];
        y[i] = right[d * PITCH + across() + SIDE * i];
      }
      for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
          t[i][j] += x[i] * y[j];
        }
      }
    }
  }
}

// t += s b, s a tile of scores; rows of b and columns beyond those that are there count as 0
__device__ __forceinline__ void mix(Tile& t, const Tile& s, const real* b, index_t ldb, int rows, int cols) {
  __shared__ real scores[TILE * PITCH];
  __shared__ real right[RUN * PITCH];
  __syncthreads();
  for (int i = 0; i < N; i++) {
    for (int j = 0; j < N; j++) {
      scores[(down() + SIDE * i) * PITCH + across() + SIDE * j] = s[i][j];
    }
  }
  for (int from = 0; from < rows && from < TILE; from += RUN) {
    __syncthreads();
    for (int i = threadIdx.x; i < RUN * TILE; i += SIDE * SIDE) {
      int r = i / TILE, c = i % TILE;
      right[r * PITCH + c] = from + r < rows && c < cols ? b[(from + r) * ldb + c] : real(0);
    }
    __syncthreads();
    for (int r = 0; r < RUN; r++) {
      Line x, y;
      for (int i = 0; i < N; i++) {
        x[i] = scores[(down() + SIDE * i) * PITCH + from + r];
        y[i] = right[r * PITCH + across() + SIDE * i];
      }
      for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
          t[i][j] += x[i] * y[j];
        }
      }
    }
  }
}

// One head's matrix: a row for each token.
struct Rows {
  const real* at;
  index_t ld;

  __device__ __forceinline__ const real* row(int i) const { return at + i * ld; }
};

__device__ __forceinline__ int chunks(const AttentionHeads& h) { return (h.depth + TILE - 1) / TILE; }

// The block's head, its tile, and the elements of an output that are its own.
struct Place {
  AttentionHeads h;
  int example, head, first, element;
  index_t direction;
  real factor;

  // `heads`: of queries or of keys; `chunks`: blocks that share the elements of a tile
  __device__ __forceinline__ Place(const AttentionHeads& h, int heads, int chunks)
      : h(h), direction(blockIdx.y), factor(real(1 / sqrt((double)h.depth))) {
    int tiles = (h.tokens + TILE - 1) / TILE;
    unsigned rest = blockIdx.x;
    element = (int)(rest % chunks) * TILE;
    rest /= chunks;
    first = (int)(rest % tiles) * TILE;
    rest /= tiles;
    head = (int)(rest % heads);
    example = (int)(rest / heads);
  }

  __device__ __forceinline__ int key_head() const { return head / (h.heads / h.key_heads); }
  __device__ __forceinline__ bool leads() const { return element == 0; }
  __device__ __forceinline__ real scale() const { return factor; }
  __device__ __forceinline__ int elements() const { return h.depth - element; }
  __device__ __forceinline__ index_t columns() const { return (h.heads + 2 * (index_t)h.key_heads) * h.depth; }
  __device__ __forceinline__ index_t width() const { return (index_t)h.heads * h.depth; }

  __device__ __forceinline__ index_t in(index_t direction) const { return (direction * h.examples + example) * h.tokens * columns(); }
  __device__ __forceinline__ index_t out(index_t direction) const { return (direction * h.examples + example) * h.tokens * width(); }

  __device__ __forceinline__ index_t query_at(int head, index_t d) const { return in(d) + (index_t)head * h.depth; }
  __device__ __forceinline__ index_t key_at(int key, index_t d) const { return in(d) + ((index_t)h.heads + key) * h.depth; }
  __device__ __forceinline__ index_t value_at(int key, index_t d) const { return key_at(key + h.key_heads, d); }

  __device__ __forceinline__ Rows query(const real* x, int head, index_t d = 0) const { return {x + query_at(head, d), columns()}; }
  __device__ __forceinline__ Rows key(const real* x, int key, index_t d = 0) const { return {x + key_at(key, d), columns()}; }
  __device__ __forceinline__ Rows value(const real* x, int key, index_t d = 0) const { return {x + value_at(key, d), columns()}; }
  __device__ __forceinline__ Rows output(const real* y, int head, index_t d = 0) const {
    return {y + out(d) + (index_t)head * h.depth, width()};
  }

  // Numbers of a head's queries, `count` for each.
  __device__ __forceinline__ index_t numbers(int head, int count, index_t d = 0) const {
    return ((d * h.examples + example) * h.heads + head) * count * h.tokens;
  }

  // Where tiles of keys end for a tile of queries, and where tiles of queries begin for a tile of keys.
  __device__ __forceinline__ int keys_end() const { return h.causal && first + TILE < h.tokens ? first + TILE : h.tokens; }
  __device__ __forceinline__ int queries_begin() const { return h.causal ? first : 0; }

  // out (+)= factor t, rows of the block's tile and the block's elements
  __device__ __forceinline__ void write(real* out, index_t ld, real factor, const Tile& t, int add) const {
    for (int i = 0; i < N; i++) {
      int row = first + down() + SIDE * i;
      for (int j = 0; j < N; j++) {
        int e = element + across() + SIDE * j;
        if (row < h.tokens && e < h.depth) {
          put(out, row * ld + e, factor * t[i][j], add);
        }
      }
    }
  }
};

// The tile of scores between some queries and keys: a row for each query, or if KEYS a row for each key.
template <bool KEYS>
struct Scores {
  const Place& place;
  int other;

  __device__ __forceinline__ Scores(const Place& place, int other) : place(place), other(other) {}

  __device__ __forceinline__ int row(int i) const { return place.first + down() + SIDE * i; }
  __device__ __forceinline__ int col(int j) const { return other + across() + SIDE * j; }
  __device__ __forceinline__ int query(int i, int j) const { return KEYS ? col(j) : row(i); }

  __device__ __forceinline__ bool sees(int i, int j) const {
    int q = query(i, j), k = KEYS ? row(i) : col(j);
    return q < place.h.tokens && k < place.h.tokens && (!place.h.causal || k <= q);
  }

  // Numbers of the queries: those of the rows, or of the columns.
  __device__ __forceinline__ void load(Line& line, const real* numbers) const {
    for (int n = 0; n < N; n++) {
      int q = query(n, n);
      line[n] = q < place.h.tokens ? numbers[q] : real(0);
    }
  }

  // t += (of queries) (of keys)'
  __device__ __forceinline__ void add(Tile& t, const Rows& queries, const Rows& keys) const {
    const Rows& a = KEYS ? keys : queries;
    const Rows& b = KEYS ? queries : keys;
    product(
        t, a.row(place.first), a.ld, place.h.tokens - place.first, b.row(other), b.ld, place.h.tokens - other, place.h.depth);
  }

  // out += t (rows of the other side)
  __device__ __forceinline__ void mix(Tile& out, const Tile& t, const Rows& rows) const {
    attention::mix(out, t, rows.row(other) + place.element, rows.ld, place.h.tokens - other, place.elements());
  }

  // exp(s Q K' - most) inverse
  __device__ __forceinline__ void probabilities(Tile& p, const Rows& q, const Rows& k, const real* saved) const {
    Line most, inverse;
    load(most, saved);
    load(inverse, saved + place.h.tokens);
    add(p, q, k);
    for (int i = 0; i < N; i++) {
      for (int j = 0; j < N; j++) {
        int n = KEYS ? j : i;
        p[i][j] = sees(i, j) ? exp(place.scale() * p[i][j] - most[n]) * inverse[n] : real(0);
      }
    }
  }

  // dO V' - e
  __device__ __forceinline__ void adjoint(Tile& dp, const Rows& dy, const Rows& v, const Line& e) const {
    add(dp, dy, v);
    for (int i = 0; i < N; i++) {
      for (int j = 0; j < N; j++) {
        dp[i][j] -= e[KEYS ? j : i];
      }
    }
  }

  // s (RQ K' + Q RK')
  __device__ __forceinline__ void tangent(Tile& ra, const Rows& q, const Rows& k, const Rows& rq, const Rows& rk) const {
    add(ra, rq, k);
    add(ra, q, rk);
    for (int i = 0; i < N; i++) {
      for (int j = 0; j < N; j++) {
        ra[i][j] *= place.scale();
      }
    }
  }
};

// The first score of each row of a tile of queries, in each thread of the row.
__device__ __forceinline__ void first_column(Line& line, const Tile& t) {
  for (int i = 0; i < N; i++) {
    line[i] = __shfl_sync(FULL_MASK, t[i][0], threadIdx.x % WARP / SIDE * SIDE);
  }
}

}  // namespace attention

// y = P V; saved: for each head the largest score of each query, then 1 / sum of exp(score - largest)
KERNEL(attention_forward)(AttentionHeads h, const real* x, real* y, real* saved) {
  using namespace attention;
  Place at(h, h.heads, chunks(h));
  Rows q = at.query(x, at.head), k = at.key(x, at.key_head()), v = at.value(x, at.key_head());
  Tile out = {};
  Line most;
  double sum[N] = {};
  for (int i = 0; i < N; i++) {
    most[i] = real(-INFINITY);
  }
  for (int keys = 0; keys < at.keys_end(); keys += TILE) {
    Scores<false> scores(at, keys);
    Tile p = {};
    scores.add(p, q, k);
    for (int i = 0; i < N; i++) {
      real larger = most[i];
      for (int j = 0; j < N; j++) {
        p[i][j] = scores.sees(i, j) ? at.scale() * p[i][j] : real(-INFINITY);
        larger = p[i][j] > larger ? p[i][j] : larger;
      }
      larger = row_max(larger);
      // minus infinity less itself is NaN
      real shift = larger == real(-INFINITY) ? real(0) : larger;
      real factor = exp(most[i] - shift);
      double part = 0;
      for (int j = 0; j < N; j++) {
        p[i][j] = exp(p[i][j] - shift);
        part += (double)p[i][j];
        out[i][j] *= factor;
      }
      sum[i] = sum[i] * (double)factor + row_sum(part);
      most[i] = larger;
    }
    scores.mix(out, p, v);
  }
  real* numbers = saved + at.numbers(at.head, 2);
  for (int i = 0; i < N; i++) {
    real inverse = real(1 / sum[i]);
    for (int j = 0; j < N; j++) {
      out[i][j] *= inverse;
    }
    int row = at.first + down() + SIDE * i;
    if (at.leads() && across() == 0 && row < h.tokens) {
      numbers[row] = most[i];
      numbers[h.tokens + row] = inverse;
    }
  }
  at.write(y + at.out(0) + (index_t)at.head * h.depth, at.width(), real(1), out, 0);
}

// dQ; adjoint: e = sum of y dy of each query
KERNEL(attention_backward_queries)(
    AttentionHeads h, const real* x, const real* y, const real* saved, const real* dy, real* adjoint, real* dx, int add) {
  using namespace attention;
  Place at(h, h.heads, chunks(h));
  Rows q = at.query(x, at.head), k = at.key(x, at.key_head()), v = at.value(x, at.key_head());
  Rows o = at.output(y, at.head), d = at.output(dy, at.head);
  Line e;
  for (int i = 0; i < N; i++) {
    int row = at.first + down() + SIDE * i;
    double sum = 0;
    for (int c = across(); row < h.tokens && c < h.depth; c += SIDE) {
      sum += (double)o.row(row)[c] * (double)d.row(row)[c];
    }
    e[i] = real(row_sum(sum));
    if (at.leads() && across() == 0 && row < h.tokens) {
      adjoint[at.numbers(at.head, 1) + row] = e[i];
    }
  }
  Tile out = {};
  for (int keys = 0; keys < at.keys_end(); keys += TILE) {
    Scores<false> scores(at, keys);
    Tile p = {}, da = {};
    scores.probabilities(p, q, k, saved + at.numbers(at.head, 2));
    scores.adjoint(da, d, v, e);
    for (int i = 0; i < N; i++) {
      for (int j = 0; j < N; j++) {
        da[i][j] *= p[i][j];
      }
    }
    scores.mix(out, da, k);
  }
  at.write(dx + at.query_at(at.head, 0), at.columns(), at.scale(), out, add);
}

// dK and dV
KERNEL(attention_backward_keys)(
    AttentionHeads h, const real* x, const real* saved, const real* dy, const real* adjoint, real* dx, int add) {
  using namespace attention;
  Place at(h, h.key_heads, chunks(h));
  Rows k = at.key(x, at.head), v = at.value(x, at.head);
  Tile dk = {}, dv = {};
  int group = h.heads / h.key_heads;
  for (int head = at.head * group; head < (at.head + 1) * group; head++) {
    Rows q = at.query(x, head), d = at.output(dy, head);
    for (int queries = at.queries_begin(); queries < h.tokens; queries += TILE) {
      Scores<true> scores(at, queries);
      Line e;
      scores.load(e, adjoint + at.numbers(head, 1));
      Tile p = {}, da = {};
      scores.probabilities(p, q, k, saved + at.numbers(head, 2));
      scores.mix(dv, p, d);
      scores.adjoint(da, d, v, e);
      for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
          da[i][j] *= p[i][j];
        }
      }
      scores.mix(dk, da, q);
    }
  }
  at.write(dx + at.key_at(at.head, 0), at.columns(), at.scale(), dk, add);
  at.write(dx + at.value_at(at.head, 0), at.columns(), real(1), dv, add);
}

// ry = RP V + P RV; tangent: t = sum of P RA of each query. RA is taken less that of the first key, so that little cancels when the product
// of t and y is subtracted at the end.
KERNEL(attention_tangent)(
    AttentionHeads h, const real* x, const real* y, const real* saved, const real* rx, real* ry, real* tangent) {
  using namespace attention;
  Place at(h, h.heads, chunks(h));
  int key = at.key_head();
  Rows q = at.query(x, at.head), k = at.key(x, key), v = at.value(x, key), o = at.output(y, at.head);
  Rows rq = at.query(rx, at.head, at.direction), rk = at.key(rx, key, at.direction), rv = at.value(rx, key, at.direction);
  Tile out = {};
  Line shift = {};
  double mean[N] = {};
  for (int keys = 0; keys < at.keys_end(); keys += TILE) {
    Scores<false> scores(at, keys);
    Tile p = {}, rp = {};
    scores.probabilities(p, q, k, saved + at.numbers(at.head, 2));
    scores.tangent(rp, q, k, rq, rk);
    if (keys == 0) {
      first_column(shift, rp);
    }
    for (int i = 0; i < N; i++) {
      for (int j = 0; j < N; j++) {
        rp[i][j] = p[i][j] * (rp[i][j] - shift[i]);
        mean[i] += (double)rp[i][j];
      }
    }
    scores.mix(out, rp, v);
    scores.mix(out, p, rv);
  }
  for (int i = 0; i < N; i++) {
    int row = at.first + down() + SIDE * i;
    mean[i] = row_sum(mean[i]);
    for (int j = 0; j < N; j++) {
      int e = at.element + across() + SIDE * j;
      if (row < h.tokens && e < h.depth) {
        out[i][j] -= real(mean[i]) * o.row(row)[e];
      }
    }
    if (at.leads() && across() == 0 && row < h.tokens) {
      tangent[at.numbers(at.head, 1, at.direction) + row] = real(mean[i] + (double)shift[i]);
    }
  }
  at.write(ry + at.out(at.direction) + (index_t)at.head * h.depth, at.width(), real(1), out, 0);
}

// RdQ = s (RdA K + dA RK); means: Re = sum of RP dP + P RdP of each query. RdP is taken less that of the first key, as above: what is missing in
// RdA K is a multiple of P K.
KERNEL(attention_tangent_backward_queries)(
    AttentionHeads h, const real* x, const real* saved, const real* dy, const real* adjoint, const real* rx, const real* tangent,
    const real* rdy, real* means, real* rdx, int add) {
  using namespace attention;
  Place at(h, h.heads, chunks(h));
  int key = at.key_head();
  Rows q = at.query(x, at.head), k = at.key(x, key), v = at.value(x, key), d = at.output(dy, at.head);
  Rows rq = at.query(rx, at.head, at.direction), rk = at.key(rx, key, at.direction), rv = at.value(rx, key, at.direction);
  Rows rd = at.output(rdy, at.head, at.direction);
  Tile out = {}, mixed = {};
  Line shift = {}, e, t;
  double mean[N] = {};
  Scores<false> own(at, 0);
  own.load(e, adjoint + at.numbers(at.head, 1));
  own.load(t, tangent + at.numbers(at.head, 1, at.direction));
  for (int keys = 0; keys < at.keys_end(); keys += TILE) {
    Scores<false> scores(at, keys);
    Tile p = {}, dp = {}, rp = {}, rdp = {};
    scores.probabilities(p, q, k, saved + at.numbers(at.head, 2));
    scores.adjoint(dp, d, v, e);
    scores.tangent(rp, q, k, rq, rk);
    scores.add(rdp, rd, v);
    scores.add(rdp, d, rv);
    if (keys == 0) {
      first_column(shift, rdp);
    }
    for (int i = 0; i < N; i++) {
      for (int j = 0; j < N; j++) {
        real u = p[i][j] * (rp[i][j] - t[i]);
        rdp[i][j] = u * dp[i][j] + p[i][j] * (rdp[i][j] - shift[i]);
        dp[i][j] *= p[i][j];
        mean[i] += (double)rdp[i][j];
      }
    }
    scores.mix(mixed, p, k);
    scores.mix(out, rdp, k);
    scores.mix(out, dp, rk);
  }
  for (int i = 0; i < N; i++) {
    int row = at.first + down() + SIDE * i;
    mean[i] = row_sum(mean[i]);
    for (int j = 0; j < N; j++) {
      out[i][j] -= real(mean[i]) * mixed[i][j];
    }
    if (at.leads() && across() == 0 && row < h.tokens) {
      means[at.numbers(at.head, 1, at.direction) + row] = real(mean[i] + (double)shift[i]);
    }
  }
  at.write(rdx + at.query_at(at.head, at.direction), at.columns(), at.scale(), out, add);
}

// RdK = s (RdA' Q + dA' RQ), RdV = RP' dO + P' RdO
KERNEL(attention_tangent_backward_keys)(
    AttentionHeads h, const real* x, const real* saved, const real* dy, const real* adjoint, const real* rx, const real* tangent,
    const real* rdy, const real* means, real* rdx, int add) {
  using namespace attention;
  Place at(h, h.key_heads, chunks(h));
  Rows k = at.key(x, at.head), v = at.value(x, at.head);
  Rows rk = at.key(rx, at.head, at.direction), rv = at.value(rx, at.head, at.direction);
  Tile dk = {}, dv = {};
  int group = h.heads / h.key_heads;
  for (int head = at.head * group; head < (at.head + 1) * group; head++) {
    Rows q = at.query(x, head), d = at.output(dy, head);
    Rows rq = at.query(rx, head, at.direction), rd = at.output(rdy, head, at.direction);
    for (int queries = at.queries_begin(); queries < h.tokens; queries += TILE) {
      Scores<true> scores(at, queries);
      Line e, t, mean;
      scores.load(e, adjoint + at.numbers(head, 1));
      scores.load(t, tangent + at.numbers(head, 1, at.direction));
      scores.load(mean, means + at.numbers(head, 1, at.direction));
      Tile p = {}, dp = {}, rp = {}, rdp = {};
      scores.probabilities(p, q, k, saved + at.numbers(head, 2));
      scores.mix(dv, p, rd);
      scores.tangent(rp, q, k, rq, rk);
      for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
          rp[i][j] = p[i][j] * (rp[i][j] - t[j]);
        }
      }
      scores.mix(dv, rp, d);
      scores.adjoint(dp, d, v, e);
      scores.add(rdp, rd, v);
      scores.add(rdp, d, rv);
      for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
          rdp[i][j] = rp[i][j] * dp[i][j] + p[i][j] * (rdp[i][j] - mean[j]);
          dp[i][j] *= p[i][j];
        }
      }
      scores.mix(dk, rdp, q);
      scores.mix(dk, dp, rq);
    }
  }
  at.write(rdx + at.key_at(at.head, at.direction), at.columns(), at.scale(), dk, add);
  at.write(rdx + at.value_at(at.head, at.direction), at.columns(), real(1), dv, add);
}

// partial: k x gridDim.x, sums of dA u^2 + 2 s dA RQ RK' + 2 RP dO RV'
KERNEL(attention_curvature)(
    AttentionHeads h, const real* x, const real* saved, const real* dy, const real* adjoint, const real* rx, const real* tangent,
    double* partial) {
  using namespace attention;
  Place at(h, h.heads, 1);
  int key = at.key_head();
  Rows q = at.query(x, at.head), k = at.key(x, key), v = at.value(x, key), d = at.output(dy, at.head);
  Rows rq = at.query(rx, at.head, at.direction), rk = at.key(rx, key, at.direction), rv = at.value(rx, key, at.direction);
  Line e, t;
  Scores<false> own(at, 0);
  own.load(e, adjoint + at.numbers(at.head, 1));
  own.load(t, tangent + at.numbers(at.head, 1, at.direction));
  double total = 0;
  for (int keys = 0; keys < at.keys_end(); keys += TILE) {
    Scores<false> scores(at, keys);
    Tile p = {}, dp = {}, u = {}, both = {}, other = {};
    scores.probabilities(p, q, k, saved + at.numbers(at.head, 2));
    scores.adjoint(dp, d, v, e);
    scores.tangent(u, q, k, rq, rk);
    scores.add(both, rq, rk);
    scores.add(other, d, rv);
    for (int i = 0; i < N; i++) {
      for (int j = 0; j < N; j++) {
        real centred = u[i][j] - t[i];
        total += (double)(p[i][j] * dp[i][j]) * ((double)centred * (double)centred + 2 * (double)at.scale() * (double)both[i][j]) +
                 2 * (double)(p[i][j] * centred) * (double)other[i][j];
      }
    }
  }
  total = block_sum(total);
  if (threadIdx.x == 0) {
    partial[(index_t)blockIdx.y * gridDim.x + blockIdx.x] = total;
  }
}

// partial: heads x gridDim.x, sums of -p log p of head blockIdx.y; gridDim.x: examples x tiles of queries
KERNEL(attention_entropy)(AttentionHeads h, const real* x, const real* saved, double* partial) {
  using namespace attention;
  int tiles = (h.tokens + TILE - 1) / TILE;
  Place at(h, h.heads, 1);
  at.first = (int)(blockIdx.x % tiles) * TILE;
  at.example = (int)(blockIdx.x / tiles);
  at.head = (int)blockIdx.y;
  Rows q = at.query(x, at.head), k = at.key(x, at.key_head());
  double total = 0;
  for (int keys = 0; keys < at.keys_end(); keys += TILE) {
    Scores<false> scores(at, keys);
    Tile p = {};
    scores.probabilities(p, q, k, saved + at.numbers(at.head, 2));
    for (int i = 0; i < N; i++) {
      for (int j = 0; j < N; j++) {
        total -= p[i][j] == 0 ? 0 : (double)p[i][j] * (double)log(p[i][j]);
      }
    }
  }
  total = block_sum(total);
  if (threadIdx.x == 0) {
    partial[(index_t)blockIdx.y * gridDim.x + blockIdx.x] = total;
  }
}
