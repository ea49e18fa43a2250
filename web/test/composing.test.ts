import { describe, expect, it } from 'vitest'
import { nextTick, ref, type Ref } from 'vue'
import { useComposing } from '../src/ui/composing'

/** A field with a selection; `held` is what an input method shows in it beyond the text. */
function field(text: string, from: number, to = from, held = text) {
  const area = {
    value: held, selectionStart: from, selectionEnd: to, focus: () => undefined,
    setSelectionRange(start: number, end: number): void {
      this.selectionStart = start
      this.selectionEnd = end
    },
  }
  const model = ref(text)
  const composing = useComposing(ref(area) as unknown as Ref<HTMLTextAreaElement | null>, model, () => undefined)
  return { area, model, composing }
}

describe('what is put into a draft', () => {
  it('goes where the caret is and destroys nothing, not even what is selected', async () => {
    const { area, model, composing } = field('您好，再见', 3)
    composing.add('首年免年费。')
    expect(model.value).toBe('您好，首年免年费。再见')
    await nextTick()
    expect([area.selectionStart, area.selectionEnd]).toEqual([9, 9])
    const selected = field('您好，再见', 0, 3)
    selected.composing.add('答案')
    expect(selected.model.value).toBe('您好，答案再见')
  })

  it('keeps what an input method is in the middle of', () => {
    const { model, composing } = field('您好', 8, 8, '您好zuoxi，')
    composing.onStart()
    composing.add('答案')
    expect(model.value).toBe('您好zuoxi，答案')
  })

  it('replaces what is selected when it is a character like any other', () => {
    const { model, composing } = field('您好，再见', 3, 5)
    composing.insert('🙂')
    expect(model.value).toBe('您好，🙂')
  })

  it('goes to the end where there is no field', () => {
    const model = ref('您好')
    useComposing(ref(null), model, () => undefined).add('！')
    expect(model.value).toBe('您好！')
  })
})
