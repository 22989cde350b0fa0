"use strict";
(function () {
  const list = document.getElementById("list");
  if (!list) return;
  const step = 50;
  const words = document.getElementById("words");
  const which = document.getElementById("which");
  const found = document.getElementById("found");
  const more = document.getElementById("more");
  const answers = Array.from(list.children, function (element) {
    return { element: element, failed: element.classList.contains("is-failed"), text: null };
  });
  let limit = step;

  function matches(answer, terms) {
    if (which.value !== "all" && answer.failed !== (which.value === "failed")) return false;
    if (terms.length === 0) return true;
    if (answer.text === null) answer.text = answer.element.textContent.toLowerCase();
    return terms.every(function (term) { return answer.text.includes(term); });
  }

  function show() {
    const terms = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let hits = 0;
    for (const answer of answers) {
      const hit = matches(answer, terms);
      if (hit) hits++;
      answer.element.hidden = !hit || hits > limit;
    }
    found.textContent = hits.toLocaleString("en") + " of " + answers.length.toLocaleString("en");
    more.hidden = hits <= limit;
  }

  function restart() {
    limit = step;
    show();
  }

  let timer = 0;
  words.addEventListener("input", function () {
    clearTimeout(timer);
    timer = setTimeout(restart, 120);
  });
  which.addEventListener("change", restart);
  more.addEventListener("click", function () {
    limit += step;
    show();
  });
  words.form.addEventListener("submit", function (event) { event.preventDefault(); });
  words.form.hidden = false;
  show();
})();
