// Looks for all words in title, description and text of every page; titles first.
(function () {
  const script = document.currentScript, q = document.getElementById("q");
  const hits = document.getElementById("hits"), count = document.getElementById("count");
  let pages = null;
  function score(page, words) {
    let sum = 0;
    for (const w of words) {
      const t = page.t.toLowerCase().includes(w) ? 10 : 0, d = page.d.toLowerCase().includes(w) ? 3 : 0;
      const b = page.b.toLowerCase().includes(w) ? 1 : 0;
      if (!(t + d + b)) return 0;
      sum += t + d + b;
    }
    return sum;
  }
  function show() {
    const words = q.value.toLowerCase().split(/\s+/).filter(Boolean);
    hits.textContent = "";
    if (!pages || !words.length) { count.textContent = ""; return; }
    const found = pages.map(p => [score(p, words), p]).filter(x => x[0]).sort((a, b) => b[0] - a[0]).slice(0, 30);
    count.textContent = found.length === 1 ? "1 page" : found.length + " pages";
    for (const [, p] of found) {
      const li = document.createElement("li"), a = document.createElement("a"), s = document.createElement("p");
      a.href = p.u; a.textContent = p.t; s.textContent = p.d || p.b.slice(0, 140);
      li.append(a, s); hits.append(li);
    }
  }
  document.getElementById("search").addEventListener("submit", e => e.preventDefault());
  q.addEventListener("input", show);
  fetch(script.dataset.index).then(r => r.json()).then(p => {
    pages = p;
    const asked = new URLSearchParams(location.search).get("q");
    if (asked) q.value = asked;
    show();
  });
})();
