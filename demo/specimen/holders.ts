/** Whom a specimen document is made out to. Dates as YYMMDD, names in the Latin alphabet without marks. */
export interface Holder {
  readonly surname: string
  readonly givenNames: string
  readonly number: string
  readonly nationality: string
  readonly birth: string
  readonly sex: 'F' | 'M' | '<'
  readonly issued: string
  readonly expiry: string
  readonly personalNumber?: string
}

/** The worker of the demo: a person of Utopia who does not exist. */
export const WORKER: Holder = {
  surname: 'MARTIN SPECIMEN',
  givenNames: 'JONAS EMIL',
  number: 'L898902C3',
  nationality: 'UTO',
  birth: '740812',
  sex: 'M',
  issued: '210416',
  expiry: '310415',
  personalNumber: 'ZE184226B',
}

/** Somebody whom the demo's made-up watchlist names. Nobody real does. */
export const LISTED: Holder = {
  surname: 'LISTHIT',
  givenNames: 'VIKTOR PLANTED',
  number: 'X12345678',
  nationality: 'UTO',
  birth: '700101',
  sex: 'M',
  issued: '220902',
  expiry: '320901',
}
