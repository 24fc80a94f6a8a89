// Where views stand. The next one is made behind the one that is seen, and takes its place when its numbers are there: what a
// reader looks at is never blank, and a page does not jump.

import { el, fill } from "./dom.js";

// Longer than this, and a reader should see that something is under way.
const PATIENCE_MS = 400;

/** `show(name, make)`: `make(host, signal)` fills a view; the signal ends when it goes. */
export function stage(room) {
  let seen = null;
  let coming = null;

  const end = (scene) => {
    scene?.controller.abort();
    scene?.host.remove();
  };

  const enter = (scene) => {
    end(seen);
    seen = scene;
    coming = null;
    scene.host.classList.remove("coming");
  };

  const wait = (scene, since) => {
    if (coming !== scene) return;
    const ready = !scene.host.querySelector("[aria-busy]");
    if (ready || performance.now() - since > PATIENCE_MS) enter(scene);
    else requestAnimationFrame(() => wait(scene, since));
  };

  return {
    show(name, make) {
      end(coming);
      const scene = { name, host: el("div", { class: `view-body view-${name}` }), controller: new AbortController() };
      if (seen?.name === name) {
        coming = scene;
        scene.host.classList.add("coming");
        room.append(scene.host);
        make(scene.host, scene.controller.signal);
        wait(scene, performance.now());
      } else {
        end(seen);
        coming = null;
        seen = scene;
        fill(room, scene.host);
        make(scene.host, scene.controller.signal);
      }
    },
    clear() {
      end(coming);
      end(seen);
      seen = coming = null;
    },
  };
}
