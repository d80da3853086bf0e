// Turns the mistakes into pages. Without it they are all shown.
(() => {
  const perPage = 24;
  const pager = document.querySelector(".pager");
  if (!pager) return;
  const tiles = [...document.querySelectorAll(".mistakes .tile")];
  const digit = pager.querySelector("select");
  const [before, after] = pager.querySelectorAll("button");
  const words = pager.querySelector("[role=status]");
  let page = 0;

  const show = () => {
    const chosen = tiles.filter((tile) => digit.value === "" || tile.dataset.digit === digit.value);
    const first = page * perPage;
    const shown = new Set(chosen.slice(first, first + perPage));
    for (const tile of tiles) tile.hidden = !shown.has(tile);
    words.textContent = chosen.length ? `${first + 1}\u2013${first + shown.size} of ${chosen.length}` : "none";
    before.disabled = page === 0;
    after.disabled = first + perPage >= chosen.length;
  };
  const turn = (pages) => () => { page += pages; show(); };

  before.addEventListener("click", turn(-1));
  after.addEventListener("click", turn(1));
  digit.addEventListener("change", () => { page = 0; show(); });
  pager.hidden = false;
  show();
})();
