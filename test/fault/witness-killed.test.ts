import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { signCheckpoint } from '../../shared/audit/checkpoint.ts'
import { hashLeaf } from '../../shared/audit/merkle.ts'
import { sha256Hex } from '../../shared/hash.ts'
import { openWitnessState } from '../../verifier/audit/witness-state.file.ts'
import {
  askWitness,
  checkWitness,
  closeWitnessGround,
  driveWitness,
  expectOneRoot,
  openWitnessGround,
  startWitness,
  type WitnessGround,
} from './witness-ground.ts'

describe('carnet-audit witness, killed', function () {
  this.timeout(60_000)
  let ground: WitnessGround
  beforeEach(async () => {
    ground = await openWitnessGround()
  })
  afterEach(() => closeWitnessGround(ground))

  const stepOf = (size: number): WitnessGround['steps'][number] => {
    const step = ground.steps[size - 1]
    if (step === undefined) throw new Error('the log is too short')
    return step
  }

  it('has kept whatever it cosigned, and cosigns no second root (C2SP tlog-witness)', async () => {
    const running = await startWitness(ground)
    const { url = '' } = running
    await driveWitness(ground, url, 1)
    setTimeout(() => running.child.kill('SIGKILL'), 10)
    await driveWitness(ground, url, 1000)
    running.child.kill('SIGKILL')
    expect((await running.ended).signal).to.equal('SIGKILL')
    await checkWitness(ground)
    expect(ground.cosigned.length).to.be.above(0)
  })

  it('never cosigns two roots for one size when two processes have one state', async () => {
    const [one, other] = await Promise.all([startWitness(ground), startWitness(ground)])
    try {
      await askWitness(ground, one?.url ?? '', { oldSize: 0, ...stepOf(1) })
      for (let round = 0; round < 8; round++) {
        const size = round + 2
        const fork = await signCheckpoint(
          { origin: ground.log.name, size, root: hashLeaf(Buffer.from('fork')) },
          ground.signer,
        )
        const step = stepOf(size)
        // The fork has no proof, so the witness that would take it is one that lost the race and does not know.
        const answers = await Promise.all([
          askWitness(ground, one?.url ?? '', { oldSize: size - 1, ...step }),
          askWitness(ground, other?.url ?? '', { oldSize: size - 1, ...step }),
          askWitness(ground, other?.url ?? '', { oldSize: size - 1, checkpoint: fork, proof: [] }),
        ])
        expect(answers.filter(({ status }) => status === 200)).to.have.length(1)
      }
    } finally {
      for (const running of [one, other]) running?.child.kill('SIGKILL')
      await Promise.all([one?.ended, other?.ended])
    }
    expectOneRoot(ground)
  })

  it('refuses to begin on a folder that it cannot use, with 4 and a hint', async () => {
    const file = join(ground.folder, 'file')
    writeFileSync(file, '')
    for (const state of [file, join(file, 'below')]) {
      const running = await startWitness(ground, { state })
      expect((await running.ended).code, state).to.equal(4)
      expect(running.url).to.equal(undefined)
      expect(running.errors())
        .to.include(`cannot write ${state}`)
        .and.include('--state')
        .and.not.include('    at ')
    }
  })

  it('refuses to begin when it cannot read what it saw before', async () => {
    const state = join(ground.folder, 'damaged')
    mkdirSync(state)
    writeFileSync(join(state, `${sha256Hex(ground.log.name)}.1`), 'half a checkpo')
    const running = await startWitness(ground, { state })
    expect((await running.ended).code).to.equal(4)
    expect(running.errors()).to.include('holds no checkpoint of').and.include('backup')
  })
})

describe('openWitnessState', () => {
  let ground: WitnessGround
  beforeEach(async () => {
    ground = await openWitnessGround()
    mkdirSync(join(ground.folder, 'state'))
  })
  afterEach(() => closeWitnessGround(ground))

  it('replaces only what was read, and keeps one file for a log', async () => {
    const [one, other] = [1, 2].map(() => openWitnessState(join(ground.folder, 'state')))
    if (one === undefined || other === undefined) throw new Error('no state')
    expect(await one.read('log')).to.equal(undefined)
    expect(await one.replace('log', undefined, 'first')).to.equal(true)
    expect(await other.replace('log', undefined, 'fork')).to.equal(false)
    expect(await other.read('log')).to.equal('first')
    const both = await Promise.all([
      one.replace('log', 'first', 'second'),
      other.replace('log', 'first', 'fork'),
    ])
    expect(both.filter(Boolean)).to.have.length(1)
    expect(await one.read('log')).to.equal(await other.read('log'))
    expect(readdirSync(join(ground.folder, 'state'))).to.have.length(1)
    expect(await one.read('another log')).to.equal(undefined)
  })
})
