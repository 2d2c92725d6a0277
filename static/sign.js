/* Signature pad without a dependency. Strokes are numbers relative to the pad's width (0..1, the pad is 0.47 high), so
   rotation, zoom, scrolling or a keyboard that opens can redraw but never lose them. */
(function () {
  'use strict';

  function Pad(box) {
    var canvas = box.querySelector('canvas'), out = box.querySelector('input[type=hidden]'), ctx = canvas.getContext('2d');
    var live = box.querySelector('[role=status]'), strokes = [], current = null;
    try { strokes = JSON.parse(out.value || '[]'); } catch (unreadable) { strokes = []; }

    function fit() {
      var ratio = Math.max(window.devicePixelRatio || 1, 1), width = canvas.clientWidth, height = canvas.clientHeight;
      if (!width) { return; }
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
      draw();
    }
    function line(stroke, k) {
      ctx.beginPath();
      ctx.moveTo(stroke[0][0] * k, stroke[0][1] * k);
      for (var i = 1; i < stroke.length; i++) {
        var a = stroke[i - 1], b = stroke[i];
        if (i < stroke.length - 1) { ctx.quadraticCurveTo(a[0] * k, a[1] * k, (a[0] + b[0]) / 2 * k, (a[1] + b[1]) / 2 * k); }
        else { ctx.lineTo(b[0] * k, b[1] * k); }
      }
      if (stroke.length === 1) { ctx.lineTo(stroke[0][0] * k + .1, stroke[0][1] * k); }
      ctx.stroke();
    }
    function draw() {
      var k = canvas.clientWidth;
      ctx.clearRect(0, 0, k, canvas.clientHeight);
      ctx.lineCap = ctx.lineJoin = 'round';
      ctx.strokeStyle = getComputedStyle(canvas).color;
      ctx.lineWidth = Math.max(2.2, k * .0088);
      strokes.forEach(function (stroke) { line(stroke, k); });
    }
    function keep() {
      out.value = JSON.stringify(strokes);
      box.classList.toggle('has-ink', strokes.length > 0);
      if (live) { live.textContent = strokes.length ? box.getAttribute('data-some').replace('#', strokes.length) : box.getAttribute('data-none'); }
    }
    function point(event) {
      var frame = canvas.getBoundingClientRect(), spot = event.touches ? event.touches[0] : event;
      function within(n, most) { return +Math.min(Math.max(n, 0), most).toFixed(4); }
      return [within((spot.clientX - frame.left) / frame.width, 1), within((spot.clientY - frame.top) / frame.width, frame.height / frame.width)];
    }
    function down(event) {
      if (event.button > 0 || event.isPrimary === false) { return; }
      event.preventDefault();
      current = [point(event)];
      strokes.push(current);
      if (event.pointerId !== undefined && canvas.setPointerCapture) { try { canvas.setPointerCapture(event.pointerId); } catch (gone) { /* the pointer has left already */ } }
      box.classList.add('has-ink');
      draw();
    }
    function move(event) {
      if (!current || event.isPrimary === false) { return; }
      event.preventDefault();
      var next = point(event), last = current[current.length - 1];
      if (Math.abs(next[0] - last[0]) + Math.abs(next[1] - last[1]) < .002) { return; }
      current.push(next);
      draw();
    }
    function lift() { if (current) { current = null; draw(); keep(); } }

    if (window.PointerEvent) {
      canvas.addEventListener('pointerdown', down);
      canvas.addEventListener('pointermove', move);
      ['pointerup', 'pointercancel'].forEach(function (name) { canvas.addEventListener(name, lift); });
    } else {
      canvas.addEventListener('touchstart', down, { passive: false });
      canvas.addEventListener('touchmove', move, { passive: false });
      canvas.addEventListener('touchend', lift);
      canvas.addEventListener('mousedown', down);
      canvas.addEventListener('mousemove', move);
      window.addEventListener('mouseup', lift);
    }
    box.querySelector('[data-undo]').addEventListener('click', function () { strokes.pop(); draw(); keep(); });
    box.querySelector('[data-clear]').addEventListener('click', function () { strokes.length = 0; draw(); keep(); });
    if (window.ResizeObserver) { new ResizeObserver(fit).observe(canvas); } else { window.addEventListener('resize', fit); }
    if (out.form) { out.form.addEventListener('submit', keep); }
    fit();
    keep();
  }

  function start(from) {
    from.querySelectorAll('[data-sign]').forEach(function (box) {
      if (!box.hasAttribute('data-ready')) { box.setAttribute('data-ready', ''); Pad(box); }
    });
  }
  start(document);
  document.addEventListener('htmx:after:swap', function () { start(document); });
}());
